//! What the SQL of accounts and teams has in common.

/// An account as [`account_of`] reads it, from `accounts a`.
macro_rules! select_account {
    ($($more:literal)*) => {
        concat!(
            "SELECT a.*, EXISTS (SELECT 1 FROM external_accounts e WHERE e.account = a.id) AS imported,
                EXISTS (SELECT 1 FROM accounts o WHERE o.id = a.owner AND NOT o.active) AS left_alone ",
            $($more),*
        )
    };
}

/// A team as [`team_of`] reads it, from `teams t` and `accounts o`, its organization.
macro_rules! select_team {
    ($more:literal) => {
        concat!(
            "SELECT t.*, o.name AS org, (SELECT COUNT(*) FROM team_members c WHERE c.team = t.id) AS members_count ",
            $more
        )
    };
}
