//! A picture of rectangles and words, written as SVG or as PNG.
//!
//! Words stand on a fixed grid: the PNG takes its letters from a font of 8 x 8 dots, and the SVG gives them the same
//! room, so both look alike on any machine.

/// Pixels a letter takes, before its size.
const LETTER: usize = 8;

/// Colours by number; 0 is the paper.
pub const COLOURS: [[u8; 3]; 12] = [
    [255, 255, 255],
    [32, 36, 42],
    [150, 156, 166],
    [47, 111, 178],
    [196, 118, 44],
    [126, 87, 164],
    [214, 178, 60],
    [110, 122, 138],
    [84, 150, 98],
    [196, 62, 62],
    [96, 178, 184],
    [226, 229, 234],
];

/// Ink of words, and of what is beside the point.
pub const INK: usize = 1;
pub const GREY: usize = 2;

#[derive(Clone, Debug)]
enum Shape {
    Box { at: (f64, f64), size: (f64, f64), colour: usize },
    Words { at: (f64, f64), size: usize, colour: usize, text: String },
}

/// What is drawn so far; later shapes cover earlier ones. Origin top left, in pixels.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    shapes: Vec<Shape>,
}

/// Pixels that words take across.
pub fn width_of(text: &str, size: usize) -> f64 {
    (text.chars().count() * LETTER * size) as f64
}

impl Picture {
    /// An empty one.
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    /// A filled rectangle; corners may come in any order.
    pub fn rect(&mut self, a: (f64, f64), b: (f64, f64), colour: usize) {
        let at = (a.0.min(b.0), a.1.min(b.1));
        self.shapes.push(Shape::Box { at, size: ((a.0 - b.0).abs(), (a.1 - b.1).abs()), colour });
    }

    /// Words whose upper left corner is `at`.
    pub fn words(&mut self, at: (f64, f64), size: usize, colour: usize, text: impl Into<String>) {
        self.shapes.push(Shape::Words { at, size, colour, text: text.into() });
    }

    /// As an SVG document.
    pub fn svg(&self) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             font-family=\"monospace\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>\n",
            hex(0)
        );
        for shape in &self.shapes {
            match shape {
                Shape::Box { at, size, colour } => out.push_str(&format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>\n",
                    at.0,
                    at.1,
                    size.0,
                    size.1,
                    hex(*colour)
                )),
                Shape::Words { at, size, colour, text } => out.push_str(&format!(
                    "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{}\" textLength=\"{}\" \
                     lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"{}\">{}</text>\n",
                    at.0,
                    at.1 + (7 * size) as f64,
                    9 * size,
                    width_of(text, *size),
                    hex(*colour),
                    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
                )),
            }
        }
        out + "</svg>\n"
    }

    /// As a PNG file: indexed colours, not compressed, because some hundred kilobytes are no matter here.
    pub fn png(&self) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut head = Vec::new();
        for n in [self.width, self.height] {
            head.extend_from_slice(&(n as u32).to_be_bytes());
        }
        // Eight bits per pixel, indexed; the only compression, filter and order.
        head.extend_from_slice(&[8, 3, 0, 0, 0]);
        chunk(&mut out, b"IHDR", &head);
        chunk(&mut out, b"PLTE", COLOURS.as_flattened());
        chunk(&mut out, b"IDAT", &stored(&self.pixels()));
        chunk(&mut out, b"IEND", &[]);
        out
    }

    /// Lines of pixels, each led by its filter: none.
    fn pixels(&self) -> Vec<u8> {
        let line = self.width + 1;
        let mut data = vec![0_u8; line * self.height];
        let mut dot = |x: f64, y: f64, colour: usize| {
            let (x, y) = (x.floor(), y.floor());
            if x >= 0.0
                && y >= 0.0
                && (x as usize) < self.width
                && let Some(pixel) = data.get_mut(y as usize * line + 1 + x as usize)
            {
                *pixel = colour as u8;
            }
        };
        for shape in &self.shapes {
            match shape {
                Shape::Box { at, size, colour } => {
                    // By rounded edges, so that neighbours leave no gap.
                    let (left, top) = (at.0.round(), at.1.round());
                    let (right, bottom) = ((at.0 + size.0).round(), (at.1 + size.1).round());
                    for y in 0..(bottom - top).max(1.0) as usize {
                        for x in 0..(right - left).max(1.0) as usize {
                            dot(left + x as f64, top + y as f64, *colour);
                        }
                    }
                }
                Shape::Words { at, size, colour, text } => {
                    for (n, letter) in text.chars().enumerate() {
                        let Some(rows) = font8x8::legacy::BASIC_LEGACY.get(letter as usize) else { continue };
                        for (y, row) in rows.iter().enumerate() {
                            for x in (0..LETTER).filter(|x| row & (1 << x) != 0) {
                                for (dx, dy) in (0..*size).flat_map(|dx| (0..*size).map(move |dy| (dx, dy))) {
                                    let left = at.0 + ((n * LETTER + x) * size + dx) as f64;
                                    dot(left, at.1 + (y * size + dy) as f64, *colour);
                                }
                            }
                        }
                    }
                }
            }
        }
        data
    }
}

fn hex(colour: usize) -> String {
    let [r, g, b] = COLOURS.get(colour).copied().unwrap_or_default();
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let begin = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(data);
    let sum = crc32fast::hash(out.get(begin..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff);
    let last = blocks.len().saturating_sub(1);
    for (n, block) in blocks.enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(n == last));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend_from_slice(&((b << 16) | a).to_be_bytes());
    out
}
