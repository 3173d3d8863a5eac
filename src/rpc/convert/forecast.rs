use super::timestamp;
use crate::forecast::{External, Judged, Outlook, Subject};
use crate::proto::v1;
use crate::site::Site;
use crate::units::Park;

/// What is expected, how good that was, and what others say at `now`.
pub(in crate::rpc) fn forecast(site: &Site, outlook: &Outlook, external: &External, now: Park) -> v1::Forecast {
    let horizon = &outlook.horizon;
    let assets = site.assets.iter().zip(horizon.assets.iter().zip(&horizon.quantiles));
    let expected = assets.filter(|(_, (kw, _))| !kw.is_empty()).map(|(asset, (kw, band))| v1::AssetForecast {
        id: asset.id.clone(),
        power_kw: kw.clone(),
        p10_kw: band.p10.clone(),
        p90_kw: band.p90.clone(),
    });
    let standing = external.standing(now).map(|o| v1::StandingForecast {
        subject: o.subject.name(site),
        by: o.by.clone(),
        start: Some(timestamp(o.start)),
        end: Some(timestamp(o.end())),
        step_s: o.step_s,
        expires: Some(timestamp(o.until)),
    });
    let refused = external.refusals().iter().map(|r| v1::RefusedForecast {
        time: Some(timestamp(r.at)),
        by: r.by.clone(),
        why: r.why.clone(),
    });
    let intervals = horizon.grid.intervals.iter();
    v1::Forecast {
        made_at: Some(timestamp(outlook.made)),
        intervals: intervals.map(|i| v1::Interval { start: Some(timestamp(i.start)), hours: i.hours }).collect(),
        assets: expected.collect(),
        import_price_per_kwh: horizon.import_price.clone(),
        export_price_per_kwh: horizon.export_price.clone(),
        co2_kg_per_kwh: horizon.co2_kg_per_kwh.clone(),
        outdoor_c: horizon.outdoor_c.clone().unwrap_or_default(),
        scores: outlook.scores.iter().map(|j| score(site, j)).collect(),
        standing: standing.collect(),
        refused: refused.collect(),
    }
}

fn score(site: &Site, judged: &Judged) -> v1::ForecastScore {
    let Judged { subject, external, lead, score } = judged;
    let rated_kw = match subject {
        Subject::Asset(ix) => site.assets.get(ix.0).map(|a| a.kind.rated().kw()).filter(|kw| *kw > 0.0),
        _ => None,
    };
    let [pinball_p10, pinball_p50, pinball_p90] = score.pinball;
    v1::ForecastScore {
        subject: subject.name(site),
        external: *external,
        lead: lead.name().to_owned(),
        outcomes: score.outcomes,
        mae: score.mae,
        mae_share: rated_kw.map(|kw| score.mae / kw),
        bias: score.bias,
        pinball_p10,
        pinball_p50,
        pinball_p90,
        coverage: score.coverage,
    }
}
