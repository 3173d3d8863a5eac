# make test   every test
# make soak   the randomised suites at length (SOAK_CASES each); what they found is in target/soak/report.json
# make faults writes tests/FAULTS.md anew from the names of the tests
# make demo   a simulated park, the daemon against it, a live screen (DEMO_SECONDS, DEMO_SPEED, DEMO_SEED)

# Debian keeps mosquitto in /usr/sbin, which users do not have in their path.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin:/sbin

CARGO ?= cargo

.PHONY: all demo faults soak test build lint tools peers

all: build

# What the build and the tests need beside Rust; asked of apt only where it is missing.
tools:
	@./deploy/tools.sh

# Implementations by others that the tests hold against ours, in a Python environment of their own.
peers: tools
	@./tests/peers/prepare.sh

build: tools
	$(CARGO) build --workspace --locked

lint:
	@if $(CARGO) fmt --version >/dev/null 2>&1; then $(CARGO) fmt --all --check; else echo "rustfmt is not installed: skipped"; fi
	@if $(CARGO) clippy --version >/dev/null 2>&1; then $(CARGO) clippy --workspace --all-targets --locked -- -D warnings; else echo "clippy is not installed: skipped"; fi

test: tools peers lint build
	$(CARGO) test --workspace --locked

SOAK_CASES ?= 10000

# Every suite that asks tests/it/soak.rs for its number of cases, by the name of its module.
soak: tools
	@mkdir -p target/soak && rm -f target/soak/report.json
	SOAK_CASES=$(SOAK_CASES) $(CARGO) test --test it --locked -- --nocapture dispatch_bad_inputs properties
	@cat target/soak/report.json

faults:
	FAULTS_UPDATE=1 $(CARGO) test --test tidy the_list_of_faults --quiet

demo: build
	@./deploy/demo.sh
