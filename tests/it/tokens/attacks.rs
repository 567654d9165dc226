//! Tokens that try to say how they are to be checked, or are not what they should be.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use leadcast::config::JwksAt;
use serde_json::{Value, json};

use super::{is_taken, server};
use crate::support::{
    TestServer,
    api::with,
    database::temporary_folder,
    keys::{Pair, RSA_PUBLIC, claims, set},
    program::SECRET,
};

/// One key of each kind, and a secret.
async fn everything() -> TestServer {
    let folder = temporary_folder();
    let file = folder.path().join("jwks.json");
    let keys = set(&[&Pair::rsa(), &Pair::ec(), &Pair::ed()]);
    std::fs::write(&file, keys.to_string()).expect("a file can be written");
    let server = server(|settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        settings.tokens.jwks = Some(JwksAt::File(file));
    })
    .await;
    assert!(is_taken(&server, &Pair::rsa().token(&claims(&server))).await, "the attacks begin from what is taken");
    server
}

async fn none_is_taken(server: &TestServer, tokens: Vec<(String, String)>) {
    for (what, token) in tokens {
        assert!(!is_taken(server, &token).await, "{what}: {token}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_does_not_choose_the_way_of_checking() {
    let server = everything().await;
    let claims = claims(&server).to_string();
    let mut tokens = Vec::new();
    // What is public, as the secret of an HMAC.
    let rsa = Pair::rsa().jwk();
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(rsa["n"].as_str().expect("a text")).expect("base64");
    let publics = [
        RSA_PUBLIC.to_vec(),
        RSA_PUBLIC.trim_ascii_end().to_vec(),
        modulus,
        rsa.to_string().into_bytes(),
        rsa["n"].as_str().expect("a text").as_bytes().to_vec(),
        BASE64_URL_SAFE_NO_PAD.decode(Pair::ed().jwk()["x"].as_str().expect("a text")).expect("base64"),
        Vec::new(),
    ];
    for (n, public) in publics.iter().enumerate() {
        for header in [
            json!({ "alg": "HS256" }),
            json!({ "alg": "HS256", "kid": "rsa" }),
            json!({ "alg": "RS256", "kid": "rsa" }),
        ] {
            let token = Pair::secret(public).token_with(&header.to_string(), &claims);
            tokens.push((format!("public key {n} as a secret, {header}"), token));
        }
    }
    // The real secret, under the name of a key that is none.
    for kid in ["rsa", "ec", "ed"] {
        let header = json!({ "alg": "HS256", "kid": kid }).to_string();
        tokens.push((format!("HS256 as {kid}"), Pair::secret(SECRET.as_bytes()).token_with(&header, &claims)));
    }
    // A good key of one kind, under another's name or algorithm.
    for (pair, header) in [
        (Pair::rsa(), json!({ "alg": "RS256", "kid": "ec" })),
        (Pair::rsa(), json!({ "alg": "ES256", "kid": "rsa" })),
        (Pair::rsa(), json!({ "alg": "RS384", "kid": "rsa" })),
        (Pair::rsa(), json!({ "alg": "PS256", "kid": "rsa" })),
        (Pair::rsa(), json!({ "alg": "rs256", "kid": "rsa" })),
        (Pair::rsa(), json!({ "alg": ["RS256"], "kid": "rsa" })),
        (Pair::rsa(), json!({ "kid": "rsa" })),
        (Pair::ec(), json!({ "alg": "RS256", "kid": "ec" })),
        (Pair::ed(), json!({ "alg": "ES256", "kid": "ed" })),
        (Pair::ed(), json!({ "alg": "HS256", "kid": "ed" })),
    ] {
        tokens.push((header.to_string(), pair.token_with(&header.to_string(), &claims)));
    }
    for alg in ["none", "None", "NONE", "nOnE", "", "null", "HS256 ", "HS512", "dir"] {
        let (header, payload) = (json!({ "alg": alg }).to_string(), &claims);
        let unsigned =
            format!("{}.{}.", BASE64_URL_SAFE_NO_PAD.encode(&header), BASE64_URL_SAFE_NO_PAD.encode(payload));
        tokens.push((format!("{alg:?}, unsigned"), unsigned));
        tokens.push((format!("{alg:?}, signed"), Pair::secret(SECRET.as_bytes()).token_with(&header, payload)));
    }
    none_is_taken(&server, tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kid_is_a_name_and_nothing_else() {
    let server = everything().await;
    let (rsa, claims) = (Pair::rsa(), claims(&server).to_string());
    let long = "k".repeat(4_000);
    let kids = [
        json!("../../../../dev/null"),
        json!("/etc/passwd"),
        json!("file:///dev/null"),
        json!("rsa' OR '1'='1"),
        json!("rsa\u{0}"),
        json!(" rsa"),
        json!("RSA"),
        json!(""),
        json!(long),
        json!(null),
        json!(7),
        json!(true),
        json!(["rsa"]),
        json!({ "kid": "rsa" }),
    ];
    let tokens = kids
        .map(|kid| (kid.to_string(), rsa.token_with(&with(rsa.header(), json!({ "kid": kid })).to_string(), &claims)));
    // `null` takes the member out in `with`'s way, or is a kid that is no text: not taken, or taken as without a kid.
    let tokens: Vec<_> = tokens.into_iter().filter(|(kid, _)| kid != "null").collect();
    none_is_taken(&server, tokens).await;
    let null = rsa.token_with(r#"{"alg":"RS256","kid":null}"#, &claims);
    assert!(!is_taken(&server, &null).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_header_carries_is_not_trusted() {
    let server = everything().await;
    let (stranger, claims) = (Pair::next_rsa(), claims(&server).to_string());
    let own = stranger.jwk();
    let mut tokens = Vec::new();
    for more in [
        json!({ "jwk": own }),
        json!({ "jwk": own, "kid": "rsa" }),
        json!({ "jku": "http://127.0.0.1:1/keys", "kid": "rsa" }),
        json!({ "x5u": "http://127.0.0.1:1/cert", "kid": "rsa" }),
        json!({ "x5c": ["MIIB"], "kid": "rsa" }),
    ] {
        let header = with(stranger.header(), more);
        tokens.push((header.to_string(), stranger.token_with(&header.to_string(), &claims)));
    }
    // Extensions that must be understood, and are not.
    let rsa = Pair::rsa();
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!(true)] {
        let header = with(rsa.header(), json!({ "crit": crit, "b64": false }));
        tokens.push((header.to_string(), rsa.token_with(&header.to_string(), &claims)));
    }
    none_is_taken(&server, tokens).await;
    // Of one that is trusted anyway, it does no harm.
    let header = with(rsa.header(), json!({ "jku": "http://127.0.0.1:1/keys", "jwk": own }));
    assert!(is_taken(&server, &rsa.token_with(&header.to_string(), &claims)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_there_twice_are_nobodys() {
    let server = everything().await;
    let (rsa, good) = (Pair::rsa(), claims(&server));
    let text = good.to_string();
    let mut tokens: Vec<_> = [
        "\"role\":\"ADMIN\"",
        "\"sub\":\"admin\"",
        "\"tenant\":\"rival\"",
        "\"tenant\":\"demo\"",
        "\"exp\":9999999999",
    ]
    .iter()
    .flat_map(|twice| [text.replacen('{', &format!("{{{twice},"), 1), format!("{},{twice}}}", &text[..text.len() - 1])])
    .map(|claims| (claims.clone(), rsa.token_with(&rsa.header().to_string(), &claims)))
    .collect();
    let header = r#"{"alg":"RS256","kid":"rsa","alg":"RS256"}"#;
    tokens.push((header.to_owned(), rsa.token_with(header, &text)));
    none_is_taken(&server, tokens).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_signature_is_not_enough() {
    let server = everything().await;
    let (rsa, good) = (Pair::rsa(), claims(&server));
    let now = server.app.clock.now().as_seconds();
    let changes = [
        json!({ "iss": "https://elsewhere.example.com/" }),
        json!({ "iss": ["leadcast"] }),
        json!({ "aud": "another" }),
        json!({ "aud": ["another", "third"] }),
        json!({ "aud": { "leadcast": true } }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "exp": 1.9e9 }),
        json!({ "exp": 1e300 }),
        json!({ "exp": u64::MAX }),
        json!({ "exp": [now + 60] }),
        json!({ "iat": now + 1_000 }),
        json!({ "iat": "now" }),
        json!({ "nbf": now + 1_000 }),
        json!({ "nbf": "now" }),
        json!({ "tenant": "no-such-tenant" }),
        json!({ "tenant": ["demo"] }),
        json!({ "sub": 7 }),
        json!({ "role": "OWNER" }),
    ];
    let mut tokens: Vec<_> =
        changes.into_iter().map(|change| (change.to_string(), rsa.token(&with(good.clone(), change)))).collect();
    for missing in ["iss", "aud", "exp", "iat", "sub", "tenant", "role"] {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(missing);
        tokens.push((format!("without {missing}"), rsa.token(&claims)));
        claims[missing] = Value::Null;
        tokens.push((format!("{missing} null"), rsa.token(&claims)));
    }
    for claims in ["", "[]", "null", "7", "{"] {
        tokens.push((format!("the claims {claims:?}"), rsa.token_with(&rsa.header().to_string(), claims)));
    }
    none_is_taken(&server, tokens).await;
    for good_too in [json!({ "aud": ["another", "leadcast"] }), json!({ "iat": now + 50, "nbf": now + 50 })] {
        assert!(is_taken(&server, &rsa.token(&with(good.clone(), good_too.clone()))).await, "{good_too}");
    }
    // What is expired is told so, and only to who had a good one.
    for (pair, message) in [(Pair::rsa(), "The token has expired."), (Pair::next_rsa(), "The token is not valid.")] {
        for exp in [now, now - 1, -1, i64::MIN] {
            let answer = super::ask(&server, &pair.token(&with(good.clone(), json!({ "exp": exp })))).await;
            assert_eq!(answer.body["errors"][0]["message"], message, "{exp}");
        }
    }
}

/// The tenant is the token's: the same user of another tenant is another user.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_in_its_own_tenant() {
    let server = everything().await;
    let lead = server.post(json!({})).await;
    let find = async |tenant: &str| {
        let token = Pair::ed().token(&with(claims(&server), json!({ "tenant": tenant })));
        let client = crate::support::client::Client::new(server.url("/graphql"), Some(token));
        let answer = client.query("query($id: ID!) { lead(id: $id) { id } }", json!({ "id": lead })).await;
        answer.data()["lead"].clone()
    };
    assert_eq!(find("demo").await, json!({ "id": lead }));
    assert_eq!(find("rival").await, Value::Null);
}
