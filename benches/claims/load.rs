//! Clients of the API: each keeps one connection open and sends the next claim when the last is answered. They know just
//! enough HTTP for that, so that they take little of the machine.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{Market, PRICE, World};

/// What a page would ask for.
const CLAIM: &str = "mutation Claim($lead: ID!, $maxPrice: Credits!) { claimLead(input: { leadId: $lead, maxPrice: $maxPrice }) {
    claim { id status } lead { id claimCount maxClaims status } wallet { balance } replayed userErrors { code message } } }";
/// What an answer to a claim that was made has in it.
const MADE: &str = "\"replayed\":false,\"userErrors\":[]";

/// Requests of one connection, made before the time is taken.
struct Requests(Vec<Vec<u8>>);

/// Claims per second.
pub async fn run(world: &World, market: &Market, connections: usize, time: Duration) -> f64 {
    // No connection can send more than that in the time.
    let share = usize::try_from(time.as_secs()).unwrap_or(1) * 12_000 / connections;
    let requests = (0..connections).map(|first| Requests::prepare(market, first, connections, share));
    let requests: Vec<_> = requests.collect();
    let mut streams = Vec::new();
    for _ in &requests {
        let stream = TcpStream::connect(&world.address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        streams.push(stream);
    }
    let mut tasks = tokio::task::JoinSet::new();
    let started = Instant::now();
    for (requests, mut stream) in requests.into_iter().zip(streams) {
        tasks.spawn(async move { requests.send(&mut stream, started + time).await });
    }
    let claims: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(claims) / started.elapsed().as_secs_f64()
}

impl Requests {
    fn prepare(market: &Market, first: usize, step: usize, count: usize) -> Self {
        let mut tokens = std::collections::HashMap::new();
        let numbers = (first as u64..).step_by(step).take(count);
        let requests = numbers.map_while(|number| market.pair(number)).map(|(lead, provider)| {
            let token = tokens.entry(provider).or_insert_with_key(|provider| market.token(provider)).clone();
            let body = json!({ "query": CLAIM, "variables": { "lead": lead, "maxPrice": PRICE } }).to_string();
            let request = format!(
                "POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\naccept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            request.into_bytes()
        });
        Self(requests.collect())
    }

    /// How many claims were made until the time was over.
    async fn send(self, stream: &mut TcpStream, end: Instant) -> u32 {
        let mut answer = vec![0; 16 << 10];
        for (sent, request) in (0..).zip(&self.0) {
            if Instant::now() >= end {
                return sent;
            }
            stream.write_all(request).await.expect("the server reads");
            let length = read_answer(stream, &mut answer).await;
            let text = String::from_utf8_lossy(&answer[..length]);
            assert!(text.contains(MADE), "a claim failed: {text}");
        }
        panic!("the market is too small for this machine");
    }
}

/// Reads head and body; returns how long they are together.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut read = 0;
    loop {
        let some = stream.read(&mut buffer[read..]).await.expect("the server answers");
        assert!(some > 0, "the server hung up: {}", String::from_utf8_lossy(&buffer[..read]));
        read += some;
        let text = std::str::from_utf8(&buffer[..read]).expect("the server speaks UTF-8");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("an answer says how long it is");
        if body.len() >= length {
            return read;
        }
    }
}
