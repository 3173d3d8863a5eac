use super::{SITE, options};
use crate::Rig;

#[test]
#[ignore = "prints a day of the baseline for the eye"]
fn baseline_day() {
    for seed in 1..=3 {
        let mut rig = Rig::new(
            SITE,
            crate::Options {
                baseline: true,
                ..options(seed)
            },
        )
        .unwrap();
        for second in 0..86_400 {
            rig.step(1.0, 1.0);
            if second % 3600 == 0 {
                let truth = rig.truth();
                let row: Vec<String> = truth
                    .assets
                    .iter()
                    .map(|a| {
                        format!(
                            "{}={:.0}/{:.0}/{:.0}",
                            a.id, a.power_kw, a.heat_kw, a.cool_kw
                        )
                    })
                    .collect();
                if seed == 1 {
                    println!(
                        "{} {:.1?} {:.1?} hdr {:.1} T {:.1} ghi {:.0} w {:.1} soc {:.2} {}",
                        truth.time,
                        truth.hot_tank_c,
                        truth.cold_tank_c,
                        truth.header_c,
                        truth.weather.outdoor_c,
                        truth.weather.ghi_w_m2,
                        truth.weather.wind_m_s,
                        truth.asset("battery").unwrap().soc,
                        row.join(" ")
                    );
                }
            }
        }
        println!("{}", serde_json::to_string_pretty(&rig.report()).unwrap());
    }
}
