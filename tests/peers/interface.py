"""Two ways to hexad's interface for a program that shares no code with it: stubs made from proto/, and what the server
says of itself by reflection. Both offer `call("SnapshotService.GetSnapshot", points={...}, timeout=...)`.
"""

import importlib
import sys
import tempfile
from pathlib import Path

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_tools import protoc

PACKAGE = "hexad.v1"
PROTO = Path(__file__).parents[2] / "proto"


def channel(address, ca=None, cert=None, key=None, options=()):
    """Plain text, or TLS as soon as there is an authority to trust."""
    if ca is None:
        return grpc.insecure_channel(address, options)
    read = lambda path: Path(path).read_bytes() if path else None
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca), read(key), read(cert)), options)


def make_stubs(directory):
    """Compiles proto/ into `directory`, as the README says, and makes it importable."""
    files = [str(path.relative_to(PROTO)) for path in sorted(PROTO.rglob("*.proto"))]
    arguments = ["protoc", f"-I{PROTO}", f"-I{Path(protoc.__file__).parent / '_proto'}"]
    made = protoc.main([*arguments, f"--python_out={directory}", f"--grpc_python_out={directory}", *files])
    assert made == 0, f"protoc ended with {made}"
    sys.path.insert(0, str(directory))


class Stubs:
    """Generated code."""

    def __init__(self, channel):
        self._directory = tempfile.TemporaryDirectory()
        make_stubs(self._directory.name)
        files = [f"{PACKAGE}.{path.stem}_pb2" for path in (PROTO / "hexad" / "v1").glob("*.proto")]
        self._messages = [importlib.import_module(name) for name in files]
        self._services = [importlib.import_module(f"{name}_grpc") for name in files]
        self._channel = channel

    def call(self, method, timeout=30, **fields):
        service, method = method.split(".")
        stub = self._find(self._services, f"{service}Stub")(self._channel)
        described = next(m for m in self._messages if service in m.DESCRIPTOR.services_by_name)
        request = described.DESCRIPTOR.services_by_name[service].methods_by_name[method].input_type.name
        return getattr(stub, method)(self._find(self._messages, request)(**fields), timeout=timeout)

    def _find(self, modules, name):
        return next(getattr(module, name) for module in modules if hasattr(module, name))


class Reflection:
    """Nothing but the address."""

    def __init__(self, channel):
        self._channel = channel
        self._database = ProtoReflectionDescriptorDatabase(channel)
        self._pool = DescriptorPool(self._database)
        services = self._database.get_services()
        assert f"{PACKAGE}.SnapshotService" in services, services

    def call(self, method, timeout=30, **fields):
        service, method = method.split(".")
        described = self._pool.FindServiceByName(f"{PACKAGE}.{service}").FindMethodByName(method)
        request, response = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
        kind = self._channel.unary_stream if described.server_streaming else self._channel.unary_unary
        send = kind(f"/{PACKAGE}.{service}/{method}", request.SerializeToString, response.FromString)
        return send(request(**fields), timeout=timeout)
