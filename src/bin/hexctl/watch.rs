//! Each cycle as it comes: as lines of JSON, as tables, or live on the terminal.

use std::io::{IsTerminal, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hexad::proto::v1;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, read};
use ratatui::{DefaultTerminal, Terminal};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::client::Daemon;
use crate::figures::Figures;
use crate::screen::Screen;
use crate::svg::svg;
use crate::{print, status};

/// Columns and lines of a picture: everything finds room.
const PICTURE: (u16, u16) = (144, 41);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// End after so many.
    #[arg(long)]
    count: Option<u64>,
    /// Show one cycle in so many.
    #[arg(long, default_value_t = 1)]
    every: u32,
    /// Tables even on a terminal.
    #[arg(long)]
    plain: bool,
    /// Draw the screen into this file (SVG) instead, as it is at the end.
    #[arg(long, conflicts_with_all = ["json", "plain"])]
    svg: Option<PathBuf>,
}

pub(crate) async fn run(daemon: &mut Daemon, json: bool, options: &Options) -> Result<()> {
    let site = daemon.site().await?;
    let mut view = if json {
        View::Json
    } else if options.svg.is_some() {
        View::Picture(Box::new(Picture::new(&site)?))
    } else if options.plain || !stdout().is_terminal() {
        View::Tables
    } else {
        View::Live(Box::new(Live::open(&site)?))
    };
    let mut stream = daemon.stream(options.every).await?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut left = options.count;
    while left != Some(0) {
        tokio::select! {
            next = stream.message() => match next {
                Ok(Some(snapshot)) => view.show(&site, snapshot)?,
                Ok(None) => bail!("the daemon ended the stream"),
                Err(status) => return Err(daemon.explain(&status)),
            },
            event = view.event() => {
                if view.react(&event)?.is_break() {
                    break;
                }
                continue;
            }
            () = asked(&mut interrupt, &mut terminate) => break,
        }
        left = left.map(|n| n - 1);
    }
    match (view, &options.svg) {
        (View::Picture(picture), Some(file)) => picture.write(file, &site),
        _ => Ok(()),
    }
}

async fn asked(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

enum View {
    Json,
    Tables,
    Live(Box<Live>),
    Picture(Box<Picture>),
}

impl View {
    fn show(&mut self, site: &v1::Site, snapshot: v1::Snapshot) -> Result<()> {
        let figures = Figures::from(snapshot);
        match self {
            Self::Json => print(&(serde_json::to_string(&figures)? + "\n")),
            Self::Tables => print(&(status::page(site, &figures) + "\n")),
            Self::Live(live) => {
                live.screen.show(figures);
                live.draw()
            }
            Self::Picture(picture) => picture.show(figures),
        }
    }

    /// The next key or change of size; never where there is no screen.
    async fn event(&mut self) -> Event {
        if let Self::Live(live) = self
            && let Some(event) = live.events.recv().await
        {
            return event;
        }
        std::future::pending().await
    }

    fn react(&mut self, event: &Event) -> Result<ControlFlow<()>> {
        let Self::Live(live) = self else { return Ok(ControlFlow::Continue(())) };
        if let Event::Key(key) = event {
            if ends(*key) {
                return Ok(ControlFlow::Break(()));
            }
            match key.code {
                KeyCode::Down | KeyCode::Char('j') => live.screen.scroll(1),
                KeyCode::Up | KeyCode::Char('k') => live.screen.scroll(-1),
                _ => {}
            }
        }
        live.draw()?;
        Ok(ControlFlow::Continue(()))
    }
}

fn ends(key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) || (control && key.code == KeyCode::Char('c'))
}

/// The terminal, given back as it was.
struct Live {
    terminal: DefaultTerminal,
    events: mpsc::Receiver<Event>,
    screen: Screen,
}

impl Live {
    fn open(site: &v1::Site) -> Result<Self> {
        let (keys, events) = mpsc::channel(16);
        let mut live = Self { terminal: ratatui::try_init()?, events, screen: Screen::new(site.clone()) };
        // It ends with the process: reading a terminal cannot be called off.
        std::thread::spawn(move || {
            while let Ok(event) = read() {
                if keys.blocking_send(event).is_err() {
                    break;
                }
            }
        });
        live.draw()?;
        Ok(live)
    }

    fn draw(&mut self) -> Result<()> {
        self.terminal.draw(|frame| self.screen.draw(frame))?;
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// The screen on a terminal that nobody sees.
struct Picture {
    terminal: Terminal<TestBackend>,
    screen: Screen,
}

impl Picture {
    fn new(site: &v1::Site) -> Result<Self> {
        let terminal = Terminal::new(TestBackend::new(PICTURE.0, PICTURE.1))?;
        Ok(Self { terminal, screen: Screen::new(site.clone()) })
    }

    fn show(&mut self, figures: Figures) -> Result<()> {
        self.screen.show(figures);
        self.terminal.draw(|frame| self.screen.draw(frame))?;
        Ok(())
    }

    fn write(&self, file: &Path, site: &v1::Site) -> Result<()> {
        let picture = svg(self.terminal.backend().buffer(), &format!("{}: hexctl watch", site.name));
        std::fs::write(file, picture).with_context(|| format!("{} cannot be written", file.display()))
    }
}
