//! The criteria of an OVAL definition: which tests must hold together for a package to be vulnerable.

use std::{collections::BTreeMap, rc::Rc};

/// An inner node, or a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Criteria {
    All(Vec<Criteria>),
    Any(Vec<Criteria>),
    Test { id: String, comment: String },
}

/// What a feed says about packages: name and version bound by test.
#[derive(Debug, Default)]
pub(super) struct Tests {
    /// Test to its object and states.
    pub(super) tests: BTreeMap<String, (String, String)>,
    /// Object to the package's name.
    pub(super) objects: BTreeMap<String, String>,
    /// State to its comparison and version.
    pub(super) states: BTreeMap<String, (String, String)>,
}

/// Releases around one test; real definitions name some dozen.
const RELEASES: usize = 256;

/// What surrounds a test: the release and the module it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    pub(super) releases: Vec<String>,
    pub(super) module: Option<String>,
}

/// One package before one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) package: String,
    pub(super) fixed: String,
    pub(super) around: Rc<Around>,
}

impl Tests {
    /// Every package that a definition says is vulnerable before a version, and how many tests say something else of one.
    pub(super) fn bounds(&self, criteria: &[Criteria]) -> (Vec<Bound>, u64) {
        let (mut bounds, mut others) = (Vec::new(), 0);
        for one in criteria {
            self.walk(one, &Rc::default(), &mut bounds, &mut others);
        }
        (bounds, others)
    }

    fn walk(&self, criteria: &Criteria, around: &Rc<Around>, bounds: &mut Vec<Bound>, others: &mut u64) {
        match criteria {
            Criteria::Any(list) => list.iter().for_each(|one| self.walk(one, around, bounds, others)),
            Criteria::All(list) => {
                let mut inner = Around::clone(around);
                for one in list {
                    said(one, &mut inner);
                }
                let inner = Rc::new(inner);
                list.iter().for_each(|one| self.walk(one, &inner, bounds, others));
            }
            Criteria::Test { id, comment } => {
                let Some((object, state)) = self.tests.get(id) else { return };
                let (Some(package), Some((comparison, version))) = (self.objects.get(object), self.states.get(state))
                else {
                    return;
                };
                if comparison == "less than" {
                    let (package, fixed, around) = (package.clone(), version.clone(), around.clone());
                    bounds.push(Bound { package, fixed, around });
                } else if release(comment).is_none() && !version.is_empty() {
                    *others += 1;
                }
            }
        }
    }
}

/// A condition beside others: the release, or one of several, or a module.
fn said(criteria: &Criteria, around: &mut Around) {
    match criteria {
        Criteria::Test { comment, .. } => {
            let room = around.releases.len() < RELEASES;
            around.releases.extend(release(comment).filter(|_| room).map(str::to_owned));
            let module = comment.strip_prefix("Module ").and_then(|rest| rest.split_once(" is enabled"));
            if let Some((module, _)) = module {
                around.module = Some(module.to_owned());
            }
        }
        Criteria::Any(list)
            if list.iter().all(|one| matches!(one, Criteria::Test { comment, .. } if release(comment).is_some())) =>
        {
            list.iter().for_each(|one| said(one, around));
        }
        _ => {}
    }
}

/// `SUSE Linux Enterprise Server 15 SP5` of "… is installed".
fn release(comment: &str) -> Option<&str> {
    let name = comment.strip_suffix(" is installed")?;
    let known =
        ["Oracle Linux ", "Red Hat Enterprise Linux ", "SUSE Linux ", "openSUSE Leap ", "Azure Linux ", "CBL-Mariner "];
    known.iter().any(|start| name.starts_with(start)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(id: &str, comment: &str) -> Criteria {
        Criteria::Test { id: id.to_owned(), comment: comment.to_owned() }
    }

    #[test]
    fn a_release_holds_for_what_stands_beside_it() {
        let pair = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        let tests = Tests {
            tests: BTreeMap::from([("t1".to_owned(), pair("o1", "s1")), ("t2".to_owned(), pair("o1", "s2"))]),
            objects: BTreeMap::from([pair("o1", "openssl")]),
            states: BTreeMap::from([
                ("s1".to_owned(), pair("less than", "0:1-1")),
                ("s2".to_owned(), pair("equals", "0:1-1")),
            ]),
        };
        let releases =
            Criteria::Any(vec![test("r", "Oracle Linux 8 is installed"), test("r", "Oracle Linux 9 is installed")]);
        let inner = Criteria::All(vec![test("t1", "openssl is earlier than 0:1-1"), test("s", "openssl is signed")]);
        let module = test("m", "Module nodejs:12 is enabled");
        let all = Criteria::All(vec![releases, module, Criteria::Any(vec![inner, test("t2", "x")])]);
        let (bounds, others) = tests.bounds(&[all]);
        let [bound] = &bounds[..] else { panic!("{bounds:?}") };
        assert_eq!((bound.package.as_str(), bound.fixed.as_str(), others), ("openssl", "0:1-1", 1));
        assert_eq!(bound.around.releases, ["Oracle Linux 8", "Oracle Linux 9"]);
        assert_eq!(bound.around.module.as_deref(), Some("nodejs:12"));
    }
}
