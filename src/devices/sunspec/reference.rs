//! `103:W`, or `203#2:W` where a device has two models of one number.

use std::fmt;

use crate::site::Point;

use super::models::{self, Item};

/// A point of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Number of the model.
    pub model: u16,
    /// The how many-th model of this number, from 1.
    pub nth: u16,
    /// Its point.
    pub item: &'static Item,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nth {
            1 => write!(f, "{}:{}", self.model, self.item.name),
            n => write!(f, "{}#{n}:{}", self.model, self.item.name),
        }
    }
}

impl Reference {
    /// Another point of the same model.
    #[must_use]
    pub fn beside(&self, name: &str) -> Option<Self> {
        Some(Self { item: models::find(self.model, name)?, ..*self })
    }

    /// Reads `103:W`.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form =
            || format!("`{text}` names no point of a model; write \"103:W\", or \"203#2:W\" for a second model 203");
        let (model, name) = text.split_once(':').ok_or_else(form)?;
        let (model, nth) = model.split_once('#').unwrap_or((model, "1"));
        let (id, nth): (u16, u16) = (model.parse().map_err(|_| form())?, nth.parse().map_err(|_| form())?);
        if nth == 0 {
            return Err(form());
        }
        let items = models::items(id).ok_or_else(|| {
            let known: Vec<String> = models::MODELS.iter().map(|(id, _)| id.to_string()).collect();
            format!("model {id} is not known; known are {}", known.join(", "))
        })?;
        let found = items.iter().find(|i| i.name == name).map(|item| Self { model: id, nth, item });
        found.ok_or_else(|| {
            let near = |i: &&Item| strsim::jaro_winkler(&i.name.to_lowercase(), &name.to_lowercase());
            let nearest = items.iter().max_by(|a, b| near(a).total_cmp(&near(b))).map_or("", |i| i.name);
            format!("model {id} has no point `{name}`; did you mean \"{id}:{nearest}\"?")
        })
    }
}

/// A command of a model: what must stand beside it for it to be in force.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Number of the model.
    pub model: u16,
    /// The point that is written.
    pub item: &'static str,
    /// What the house calls it.
    pub point: Point,
    /// 1 while the command is in force.
    pub enable: &'static str,
    /// What makes the device take the number as it is meant.
    pub mode: Option<(&'static str, u16)>,
    /// Ends the command by itself after so many seconds.
    pub timer: &'static str,
    /// Seconds over which the device puts off a change at random: 0, where there are any.
    pub window: Option<&'static str>,
    /// For a percentage: of which rating, the first that is implemented.
    pub share_of: &'static [(u16, &'static str)],
}

/// Every command the house gives.
pub const COMMANDS: &[Command] = &[
    Command {
        model: 123,
        item: "WMaxLimPct",
        point: Point::WMax,
        enable: "WMaxLim_Ena",
        mode: None,
        timer: "WMaxLimPct_RvrtTms",
        window: Some("WMaxLimPct_WinTms"),
        share_of: &[(121, "WMax"), (120, "WRtg")],
    },
    Command {
        model: 704,
        item: "WMaxLimPct",
        point: Point::WMax,
        enable: "WMaxLimPctEna",
        mode: None,
        timer: "WMaxLimPctRvrtTms",
        window: None,
        share_of: &[(702, "WMax"), (702, "WMaxRtg")],
    },
    Command {
        model: 704,
        item: "WSet",
        point: Point::WSet,
        enable: "WSetEna",
        mode: Some(("WSetMod", 1)),
        timer: "WSetRvrtTms",
        window: None,
        share_of: &[],
    },
];

/// The command at this point of a model.
#[must_use]
pub fn command(at: &Reference) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.model == at.model && c.item == at.item.name)
}
