//! The pages of one repository, side by side.

use maud::{Markup, html};

use crate::Frame;

/// Which repository, and what its reader may do there.
#[derive(Clone, Debug)]
pub struct Tabs {
    pub repository: String,
    /// The reader may change it.
    pub administers: bool,
}

/// Where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Tags,
    Promotions,
    Decisions,
    Pruning,
    Mirroring,
    Waivers,
    Webhooks,
    Activity,
    Settings,
}

impl Tab {
    const ALL: [Tab; 9] = [
        Tab::Tags,
        Tab::Promotions,
        Tab::Decisions,
        Tab::Pruning,
        Tab::Mirroring,
        Tab::Waivers,
        Tab::Webhooks,
        Tab::Activity,
        Tab::Settings,
    ];

    fn words(self) -> &'static str {
        match self {
            Tab::Tags => "Tags",
            Tab::Promotions => "Promotions",
            Tab::Decisions => "Decisions",
            Tab::Pruning => "Pruning",
            Tab::Mirroring => "Mirroring",
            Tab::Waivers => "Waivers",
            Tab::Webhooks => "Webhooks",
            Tab::Activity => "Activity",
            Tab::Settings => "Settings",
        }
    }

    fn address(self, repository: &str) -> String {
        match self {
            Tab::Tags => format!("/repositories/{repository}"),
            Tab::Promotions => format!("/policies/of/{repository}"),
            Tab::Decisions => format!("/decisions/of/{repository}"),
            Tab::Pruning => format!("/pruning/of/{repository}"),
            Tab::Mirroring => format!("/mirroring/of/{repository}"),
            Tab::Waivers => format!("/waivers?scope={repository}"),
            Tab::Webhooks => format!("/webhooks/of/{repository}"),
            Tab::Activity => format!("/activity/of/{repository}"),
            Tab::Settings => format!("/settings/of/{repository}"),
        }
    }
}

impl Tabs {
    /// The row of links; what the reader may not see is not in it.
    pub(crate) fn at(&self, frame: &Frame, here: Tab) -> Markup {
        let seen = |tab: &Tab| match tab {
            Tab::Mirroring | Tab::Webhooks | Tab::Settings => self.administers,
            Tab::Activity => frame.account.is_some(),
            _ => true,
        };
        html! {
            nav.tabs aria-label="Repository" {
                @for tab in Tab::ALL.into_iter().filter(seen) {
                    a href=(tab.address(&self.repository)) aria-current=[(tab == here).then_some("page")] { (tab.words()) }
                }
            }
        }
    }
}
