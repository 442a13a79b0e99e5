//! The verbs on three stores in memory, as the control socket asks for them.

use super::*;
use crate::store::{Caps, Memory, Store};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A store of its own for this machine, one that is shared, and history kept out of that.
fn stores() -> Stores {
    let own: Arc<dyn Store> = Arc::new(Memory::new());
    let modules = HashMap::from([
        ("history".to_owned(), own.clone()),
        ("replies".to_owned(), Arc::new(Memory::new()) as Arc<dyn Store>),
    ]);
    Stores::new(own, Some(Arc::new(Memory::new())), modules)
}

async fn put(store: &dyn Store, space: &str, names: std::ops::Range<u32>) {
    let entry = |n: u32| (Key::new(space, n.to_string()), Bytes::from(format!("value {n}")));
    let entries: Vec<_> = names.map(entry).collect();
    store.put_many(&entries, Life::For(Duration::from_secs(600))).await.unwrap();
}

async fn filled() -> Stores {
    let stores = stores();
    put(&**stores.own(), "stats", 0..3).await;
    put(&*stores.of("antivirus"), "verdicts", 0..5).await;
    put(&*stores.of("replies"), "replies", 0..2).await;
    let caps = Caps {
        items: 10,
        life: Life::Forever,
    };
    for item in ["a", "b\u{0}", "c"] {
        let list = Key::new("history", "rows");
        stores.of("history").push_capped(&list, Bytes::from(item), caps).await.unwrap();
    }
    stores
}

async fn ask(stores: &Stores, request: Value) -> Result<Value, String> {
    let verb = request["verb"].as_str().unwrap().to_owned();
    carry_out(stores, &verb, &request).await
}

/// Every row that an export gives, a page of `count` at a time.
async fn rows(stores: &Stores, mut request: Value, count: usize) -> Vec<Value> {
    request["verb"] = json!("store.export");
    request["count"] = json!(count);
    let mut rows = Vec::new();
    loop {
        let page = ask(stores, request.clone()).await.unwrap();
        let page_rows = page["rows"].as_array().unwrap();
        assert!(page_rows.len() <= count);
        rows.extend(page_rows.iter().cloned());
        if page["next"].is_null() {
            return rows;
        }
        request["after"] = page["next"].clone();
    }
}

#[tokio::test]
async fn stat_names_every_store_and_where_spaces_belong() {
    let stores = filled().await;
    put(&**stores.own(), "verdicts", 0..1).await;
    let stat = ask(&stores, json!({"verb": "store.stat"})).await.unwrap();
    let names: Vec<&str> = stat["stores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["own", "shared", "replies"]);
    let own = &stat["stores"][0];
    assert_eq!(own["modules"], json!(["history"]));
    let homes: Vec<_> = own["spaces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["name"].as_str().unwrap(), &s["home"], &s["entries"]))
        .collect();
    assert_eq!(
        homes,
        [
            ("history", &json!(true), &json!(3)),
            ("stats", &json!(true), &json!(3)),
            ("verdicts", &json!(false), &json!(1)),
        ]
    );
}

#[tokio::test]
async fn get_shows_values_with_their_life_and_lists_newest_first() {
    let stores = filled().await;
    let get = |space: &str, name: &str, limit: usize| json!({"verb": "store.get", "space": space, "name": name, "limit": limit});
    let value = ask(&stores, get("verdicts", "3", 1)).await.unwrap();
    assert_eq!((&value["store"], &value["entry"]["value"]), (&json!("shared"), &json!("value 3")));
    let left = value["entry"]["expires"].as_u64().unwrap() - export::now();
    assert!((590_000..=600_000).contains(&left), "{left}");
    let list = ask(&stores, get("history", "rows", 2)).await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&list["items"][0]["item"], &list["items"][1]["item_hex"]),
        (&json!("c"), &json!("6200"))
    );
    assert_eq!(ask(&stores, get("verdicts", "none", 1)).await.unwrap(), Value::Null);
    let hex = json!({"verb": "store.get", "space": "verdicts", "name_hex": "33"});
    assert_eq!(ask(&stores, hex).await.unwrap()["entry"]["value"], "value 3");
    let elsewhere = json!({"verb": "store.get", "space": "verdicts", "name": "3", "store": "own"});
    assert_eq!(ask(&stores, elsewhere).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn flush_takes_away_what_is_named_and_nothing_by_a_slip() {
    let stores = filled().await;
    let flush = |spaces: Value| json!({"verb": "store.flush", "spaces": spaces});
    let slip = ask(&stores, flush(json!(["verdicts", "verdits"]))).await.unwrap_err();
    assert!(slip.contains("\"verdits\"; did you mean verdicts?"), "{slip}");
    assert_eq!(rows(&stores, json!({"spaces": ["verdicts"]}), 9).await.len(), 5, "nothing was done");
    let done = ask(&stores, flush(json!(["verdicts", "greylist"]))).await.unwrap();
    assert_eq!(
        done["flushed"],
        json!([{"store": "shared", "space": "verdicts", "entries": 5}, {"store": "shared", "space": "greylist", "entries": 0}])
    );
    for wrong in [flush(json!([])), json!({"verb": "store.flush", "spaces": ["stats"], "all": true})] {
        ask(&stores, wrong).await.unwrap_err();
    }
    let some = json!({"verb": "store.flush", "all": true, "store": "replies"});
    assert_eq!(ask(&stores, some).await.unwrap()["flushed"][0]["entries"], 2);
    ask(&stores, json!({"verb": "store.flush", "all": true})).await.unwrap();
    assert!(rows(&stores, json!({}), 9).await.is_empty());
}

#[tokio::test]
async fn export_and_import_carry_everything_whatever_the_page() {
    let stores = filled().await;
    put(&**stores.own(), "verdicts", 50..53).await;
    put(&**stores.own(), "other", 0..2).await;
    for count in [1, 2, 7, 100] {
        assert_eq!(
            rows(&stores, json!({}), count).await.len(),
            15,
            "without what lies where nobody looks"
        );
        assert_eq!(rows(&stores, json!({"store": "own"}), count).await.len(), 11);
        assert_eq!(rows(&stores, json!({"spaces": ["verdicts", "stats"]}), count).await.len(), 8);
        assert_eq!(
            rows(&stores, json!({"spaces": ["verdicts"], "store": "history"}), count)
                .await
                .len(),
            3
        );
    }
}

#[tokio::test]
async fn import_goes_home_and_twice_changes_nothing() {
    let before = filled().await;
    let all = rows(&before, json!({}), 4).await;
    let after = stores();
    for _ in 0..2 {
        let done = ask(&after, json!({"verb": "store.import", "rows": all})).await.unwrap();
        assert_eq!(done, json!({"restored": 13, "kept": 0, "over": 0}));
        let spaces = after.of("antivirus").census().await.unwrap();
        assert_eq!((spaces.len(), spaces[0].entries), (1, 5));
        assert_eq!(
            after
                .of("history")
                .newest(&Key::new("history", "rows"), None, 9)
                .await
                .unwrap()
                .len(),
            3
        );
    }
    let kept = ask(&after, json!({"verb": "store.import", "rows": all, "keep": true}))
        .await
        .unwrap();
    assert_eq!(kept, json!({"restored": 3, "kept": 10, "over": 0}));
    let over = json!([{"space": "verdicts", "name": "old", "value": "1", "expires": 1}]);
    assert_eq!(ask(&after, json!({"verb": "store.import", "rows": over})).await.unwrap()["over"], 1);
    let wrong = json!([{"space": "verdicts", "name": "good", "value": "1"}, {"space": "verdicts"}]);
    ask(&after, json!({"verb": "store.import", "rows": wrong})).await.unwrap_err();
    assert_eq!(
        ask(&after, json!({"verb": "store.get", "space": "verdicts", "name": "good"}))
            .await
            .unwrap(),
        Value::Null
    );
}

#[tokio::test]
async fn pages_are_bounded_in_bytes() {
    let stores = Stores::alone(Arc::new(Memory::new()));
    let large = |n: u32| (Key::new("other", n.to_string()), Bytes::from(vec![b'x'; 200_000]));
    let entries: Vec<_> = (0..10).map(large).collect();
    stores.own().put_many(&entries, Life::Forever).await.unwrap();
    let page = ask(&stores, json!({"verb": "store.export"})).await.unwrap();
    assert!(page["rows"].as_array().unwrap().len() < 3);
    assert_eq!(rows(&stores, json!({}), 500).await.len(), 10);
    let huge = (Key::new("huge", "one"), Bytes::from(vec![b'x'; 20 << 20]));
    stores.own().put_many(&[huge], Life::Forever).await.unwrap();
    let error = ask(&stores, json!({"verb": "store.export", "spaces": ["huge"]})).await.unwrap_err();
    assert!(error.contains("an entry of huge is too large"), "{error}");
    let error = ask(&stores, json!({"verb": "store.export", "after": {"leg": 0, "at": "zz"}}))
        .await
        .unwrap_err();
    assert!(error.contains("no cursor"), "{error}");
}

#[tokio::test]
async fn names_of_stores_are_read_in_every_way() {
    let stores = stores();
    for (name, found) in [
        ("own", "own"),
        ("shared", "shared"),
        ("history", "own"),
        ("antivirus", "shared"),
        ("replies", "replies"),
    ] {
        assert_eq!(which::named(&stores, name).map(|k| k.name), Ok(found.to_owned()), "{name}");
    }
    let error = which::named(&stores, "memory").err().unwrap();
    assert!(error.contains("it has own (memory), shared (memory), replies (memory)"), "{error}");
    let alone = Stores::alone(Arc::new(Memory::new()));
    assert_eq!(which::named(&alone, "memory").map(|k| k.name), Ok("own".to_owned()));
    let error = which::named(&alone, "shared").err().unwrap();
    assert!(error.contains("no store \"shared\""), "{error}");
}
