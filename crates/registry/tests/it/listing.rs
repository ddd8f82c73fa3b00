//! Lists and searches: the same as asking for each repository in turn, and only faster.

use std::collections::BTreeSet;

use base::Ctx;
use identity::{Grantee, Level, On};
use registry::{Error, Found, Right, Visibility};

use super::world::{World, repo};

const NAMESPACES: [&str; 4] = ["a", "a-b", "ab", "org"];

/// Forty repositories of all kinds, some of them deleted, and grants of all kinds on some.
async fn fill(world: &World) -> Vec<String> {
    let mut names = Vec::new();
    for number in 0..40_usize {
        let visibility = if number % 3 == 0 { Visibility::Public } else { Visibility::Private };
        let name = format!("{}/r{number:02}", NAMESPACES[number % 4]);
        world.repository(&name, visibility, false).await;
        if number % 13 == 5 {
            world.registry.delete_repository(&world.system(), &repo(&name)).await.unwrap();
        }
        names.push(name);
    }
    for name in ["a/r04", "ab/r02", "org/r39", "a/r99"] {
        world.grant("reader", &repo(name), Some(Level::ReadOnly)).await;
    }
    let (org, reader) = ("org".parse().unwrap(), "owner".parse().unwrap());
    world.identity.set_member(&world.system(), &org, &reader, true).await.unwrap();
    let whole = (&"ab".parse().unwrap(), None);
    let to = Grantee::User("granted".parse().unwrap());
    world.identity.set_grant(&world.system(), On::Repository, whole, &to, Some(Level::ReadOnly)).await.unwrap();
    names.sort();
    names
}

/// Page by page.
async fn listed(world: &World, ctx: &Ctx, namespace: Option<&str>, size: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.registry.repositories(ctx, namespace, &after, size).await.unwrap();
        assert!(page.items.len() <= size);
        all.extend(page.items.iter().map(|repository| repository.name.to_string()));
        if !page.more {
            return all;
        }
        after.clone_from(all.last().unwrap());
    }
}

async fn seen_one_by_one(world: &World, ctx: &Ctx, names: &[String]) -> Vec<String> {
    let mut seen = Vec::new();
    for name in names {
        if world.registry.repository(ctx, &repo(name)).await.is_ok() {
            assert!(world.registry.right(ctx, &repo(name)).await.unwrap() >= Some(Right::Pull));
            seen.push(name.clone());
        }
    }
    seen
}

#[tokio::test]
async fn pages_are_what_one_sees_one_by_one() {
    for world in World::everywhere().await {
        let mut actors = vec![world.nobody(), world.system(), world.admin().await];
        for name in ["reader", "owner", "granted", "a", "stranger"] {
            actors.push(world.user(name).await);
        }
        let names = fill(&world).await;
        for ctx in &actors {
            let seen = seen_one_by_one(&world, ctx, &names).await;
            for size in [1, 3, 100] {
                assert_eq!(listed(&world, ctx, None, size).await, seen, "{} by {size}", ctx.actor.label());
            }
            for namespace in NAMESPACES {
                let prefix = format!("{namespace}/");
                let own: Vec<_> = seen.iter().filter(|name| name.starts_with(&prefix)).cloned().collect();
                let page = listed(&world, ctx, Some(namespace), 3).await;
                assert_eq!(page, own, "{} in {namespace}", ctx.actor.label());
            }
        }
    }
}

/// Page by page; nothing comes twice.
async fn found(world: &World, ctx: &Ctx, text: &str, size: usize) -> BTreeSet<String> {
    let (mut all, mut after) = (BTreeSet::new(), Found::default());
    loop {
        let (page, next) = world.registry.search(ctx, text, None, &after, size).await.unwrap();
        for repository in page {
            assert!(all.insert(repository.name.to_string()), "{} came twice", repository.name);
        }
        match next {
            Some(next) => after = next,
            None => return all,
        }
    }
}

#[tokio::test]
async fn a_search_goes_by_the_words_of_names() {
    for world in World::everywhere().await {
        let user = world.user("user").await;
        for name in ["shop/flask-app", "shop/my_flask", "shop/deep/flask.io/flask", "shop/flas", "shop/hidden-flask"] {
            let hidden = name.contains("hidden");
            let visibility = if hidden { Visibility::Private } else { Visibility::Public };
            world.repository(name, visibility, false).await;
        }
        let set = |names: &[&str]| names.iter().map(|name| format!("shop/{name}")).collect::<BTreeSet<_>>();
        let flasks = set(&["flask-app", "my_flask", "deep/flask.io/flask"]);
        for size in [1, 2, 100] {
            assert_eq!(found(&world, &user, "FLASK", size).await, flasks);
            assert_eq!(found(&world, &world.nobody(), "flask", size).await, flasks);
            let all: BTreeSet<_> = flasks.iter().cloned().chain(set(&["hidden-flask"])).collect();
            assert_eq!(found(&world, &world.system(), "flask", size).await, all);
        }
        assert_eq!(found(&world, &user, "shop/fl", 9).await, set(&["flask-app", "flas"]));
        assert_eq!(found(&world, &user, "flask.io/", 9).await, set(&["deep/flask.io/flask"]));
        assert_eq!(found(&world, &user, "io", 9).await, set(&["deep/flask.io/flask"]));
        assert_eq!(found(&world, &user, "lask", 9).await, BTreeSet::new());
        world.grant("user", &repo("shop/hidden-flask"), Some(Level::ReadOnly)).await;
        assert!(found(&world, &user, "hid", 9).await.contains("shop/hidden-flask"));
        world.registry.delete_repository(&world.system(), &repo("shop/my_flask")).await.unwrap();
        assert_eq!(found(&world, &world.nobody(), "my", 9).await, BTreeSet::new());
        world.repository("shop/my_flask", Visibility::Public, false).await;
        assert_eq!(found(&world, &world.nobody(), "my", 9).await, set(&["my_flask"]));
        for text in ["", "  ", &"x".repeat(300)] {
            let refused = world.registry.search(&user, text, None, &Found::default(), 9).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn names_of_an_earlier_program_are_found_after_a_start() {
    for world in World::everywhere().await {
        world.repository("shop/cart", Visibility::Public, false).await;
        let forgotten = db::write!(world.db, &world.system(), |tx| {
            tx.execute("DELETE FROM repository_words", &[]).await.map_err(Error::from)
        });
        forgotten.unwrap();
        assert_eq!(found(&world, &world.nobody(), "cart", 9).await.len(), 0);
        world.registry.resume(&world.system()).await.unwrap();
        assert_eq!(found(&world, &world.nobody(), "cart", 9).await.len(), 1);
    }
}
