//! Statements of others about whether a vulnerability matters in a product (VEX), and what they do to findings.
//!
//! ```text
//!   OpenVEX, CSAF, CycloneDX ─ Vex::read ─► [Statement]         which vulnerability, which products, which status
//!                                                  │
//!   Report ─────────────────────── decide, state ◄─┘            the newest statement that names the finding's component wins
//! ```

mod matching;

use base::{Timestamp, limits};

use crate::{
    Error, Finding, Justification, Report, Stated, Status, bill::Head, csaf, cyclonedx, openvex, purl::PackageUrl,
    reading,
};

/// "These products have this status for this vulnerability."
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// The id and its aliases, as written.
    pub vulnerabilities: Vec<String>,
    pub products: Vec<Product>,
    pub status: Status,
    pub justification: Option<Justification>,
    /// Why it is not affected, in words.
    pub impact: String,
    /// What to do about it.
    pub action: String,
    pub author: String,
    pub timestamp: Option<Timestamp>,
    /// Which document, and where in it.
    pub document: String,
}

/// What a statement speaks of: an image or a component, known by any of its names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// As the document calls it.
    pub id: String,
    pub purl: Option<PackageUrl>,
    /// CPE 2.2 or 2.3, as written.
    pub cpe: Option<String>,
    /// `sha256:…`.
    pub digest: Option<String>,
    /// Only these parts of it are meant; empty means the whole.
    pub parts: Vec<Product>,
}

impl Product {
    /// Of two names, of which one may be empty.
    pub(crate) fn of(purl: &str, cpe: &str) -> Product {
        let cpe = Some(cpe.to_owned()).filter(|cpe| !cpe.is_empty());
        Product { purl: PackageUrl::parse(purl), cpe, ..Product::default() }
    }

    /// True when nothing could ever match it.
    pub(crate) fn is_nameless(&self) -> bool {
        self.purl.is_none() && self.cpe.is_none() && self.digest.is_none() && self.id.is_empty()
    }

    fn bytes(&self) -> usize {
        let purl = self.purl.as_ref().map_or(0, |url| {
            let qualifiers: usize = url.qualifiers.iter().map(|(key, value)| key.len() + value.len()).sum();
            url.name.len() + url.namespace.len() + url.version.as_ref().map_or(0, String::len) + qualifiers
        });
        let own = self.id.len() + purl + self.cpe.as_ref().map_or(0, String::len) + size_of::<Product>();
        own + self.parts.iter().map(Product::bytes).sum::<usize>()
    }

    fn count(&self) -> usize {
        1 + self.parts.iter().map(Product::count).sum::<usize>()
    }
}

/// One document of statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vex {
    /// `OpenVEX`, `CSAF`, `CycloneDX`.
    pub format: &'static str,
    /// What its author calls it, in all its versions: OpenVEX's `@id`, CSAF's `tracking/id`, CycloneDX's `serialNumber`. May be empty.
    pub name: String,
    pub author: String,
    /// When it was changed last.
    pub timestamp: Option<Timestamp>,
    /// Without those that name no vulnerability or no product.
    pub statements: Vec<Statement>,
    /// How much memory the products of its statements take.
    pub product_bytes: usize,
}

/// How much one document may name, after its references were followed.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub products: usize,
    pub product_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { products: limits::VEX_PRODUCTS, product_bytes: limits::VEX_PRODUCT_BYTES }
    }
}

impl Vex {
    /// Reads OpenVEX (0.0 to 0.2), CSAF 2.0 and 2.1, and the analyses of CycloneDX.
    ///
    /// # Errors
    /// No such format, broken (where and what), or more than the bounds or a limit of `base::limits`.
    pub fn read(bytes: &[u8], bounds: Bounds) -> Result<Vex, Error> {
        let head = Head::of(bytes)?;
        let collected = Collected { bounds, ..Collected::default() };
        if head.bom_format.is_some() {
            cyclonedx::statements(bytes, collected)
        } else if head.statements.is_some() && head.context().contains("openvex") {
            openvex::statements(bytes, collected)
        } else if head.document.is_some() {
            csaf::statements(bytes, collected)
        } else {
            let what = "statements are OpenVEX (@context), CSAF (document) or CycloneDX (bomFormat)";
            Err(Error::UnknownFormat(what.to_owned()))
        }
    }
}

/// The statements of one document: [`Vex::read`] with the widest bounds.
///
/// # Errors
/// As [`Vex::read`].
pub fn statements(bytes: &[u8]) -> Result<Vec<Statement>, Error> {
    Ok(Vex::read(bytes, Bounds::default())?.statements)
}

/// For each finding the newest statement about it, if there is one. The image is known by its own name, by its digest, and by what stands
/// in `also`: other references to it, or to the index that it is part of. Statements about other images, other components or other
/// versions do not count.
pub fn decide<'s>(report: &Report, also: &[String], statements: &[&'s Statement]) -> Vec<Option<&'s Statement>> {
    matching::choose(report, also, statements)
}

/// [`decide`] and [`Statement::state`] for all findings of a report. Returns how many findings a statement was found for.
pub fn apply(report: &mut Report, statements: &[Statement]) -> usize {
    let decided = decide(report, &[], &statements.iter().collect::<Vec<_>>());
    let mut count = 0;
    for (finding, statement) in report.findings.iter_mut().zip(decided) {
        if let Some(statement) = statement {
            statement.state(finding);
            count += 1;
        }
    }
    count
}

impl Statement {
    /// Give a finding the status that is stated, and say in it who states that.
    pub fn state(&self, finding: &mut Finding) {
        // Who will not mend it says that it is affected; the stronger word stays.
        if !(finding.status == Status::WillNotFix && self.status == Status::Affected) {
            finding.status = self.status;
        }
        finding.stated = Some(Stated {
            justification: self.justification,
            impact: self.impact.clone(),
            action: self.action.clone(),
            author: self.author.clone(),
            document: self.document.clone(),
            timestamp: self.timestamp,
        });
    }

    /// Whether what it speaks of does not count: the product is not affected, or mended.
    pub fn closes(&self) -> bool {
        matches!(self.status, Status::NotAffected | Status::Fixed)
    }
}

/// Statements as they are read, held against the bounds.
#[derive(Default)]
pub(crate) struct Collected {
    bounds: Bounds,
    pub(crate) statements: Vec<Statement>,
    products: usize,
    pub(crate) bytes: usize,
}

impl Collected {
    /// Statements that name no vulnerability or no product are left out: they say nothing.
    pub(crate) fn push(&mut self, mut statement: Statement) -> Result<(), Error> {
        statement.products.retain(|product| !product.is_nameless());
        self.charge(&statement.products)?;
        self.keep(statement);
        Ok(())
    }

    /// The same for products that were charged one by one.
    pub(crate) fn keep(&mut self, statement: Statement) {
        if !statement.vulnerabilities.is_empty() && !statement.products.is_empty() {
            self.statements.push(statement);
        }
    }

    /// Counts products before they are kept.
    pub(crate) fn charge(&mut self, products: &[Product]) -> Result<(), Error> {
        self.products += products.iter().map(Product::count).sum::<usize>();
        self.bytes += products.iter().map(Product::bytes).sum::<usize>();
        reading::most("products of statements", self.products, self.bounds.products)?;
        reading::most("bytes of products of statements", self.bytes, self.bounds.product_bytes)
    }
}
