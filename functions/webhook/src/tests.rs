//! The function against real sockets.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use marey_cloud::CloudError;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "a secret of the tests";

/// A receiver: answers every request with the same bytes and keeps what it was sent.
struct Receiver {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// `None` takes the connection, reads the request and never answers.
    fn answers(answer: Option<&'static str>) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?x=1", server.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in server.incoming() {
                let mut stream = stream.unwrap();
                seen.lock().unwrap().push(read_request(&mut stream));
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                    None => held.push(stream),
                }
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Head and body, once the body is as long as the head says.
fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).unwrap();
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = header(head, "content-length").and_then(|length| length.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole || length == 0 {
            return text;
        }
    }
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = request.lines();
    lines.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Remembers what was hidden, and for how long.
#[derive(Debug, Default, Clone)]
struct Queue(Arc<Mutex<Vec<(String, String, u32)>>>);

impl HoldMessages for Queue {
    async fn hide(&self, queue: &str, receipt: &str, seconds: u32) -> Result<(), CloudError> {
        self.0
            .lock()
            .unwrap()
            .push((queue.to_owned(), receipt.to_owned(), seconds));
        Ok(())
    }
}

fn webhook(patience: Duration, allow_loopback: bool) -> (Webhook<Queue>, Queue) {
    let queue = Queue::default();
    let secrets = Secrets::from_setting(SECRET).unwrap();
    let poster = Poster::with_patience(secrets, allow_loopback, patience).unwrap();
    let webhook = Webhook {
        poster,
        queue: queue.clone(),
    };
    (webhook, queue)
}

fn delivery(url: &str) -> Delivery {
    Delivery {
        schema_version: DELIVERY_VERSION,
        id: uuid::Uuid::from_u128(7),
        url: url.to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        event: json!({"type": "marey.job.completed", "id": "e", "detail": {"ratio": 0.1, "name": "Läufer"}}),
    }
}

fn message(body: String, receives: u32) -> Received {
    Received {
        body,
        queue: "http://q/000/webhook".into(),
        receipt: "receipt".into(),
        receives,
    }
}

/// What becomes of a delivery to a receiver, and for how long it was hidden.
async fn deliver_to(url: &str, patience: Duration, allow_loopback: bool) -> (Disposal, Option<u32>) {
    let (webhook, queue) = webhook(patience, allow_loopback);
    let body = serde_json::to_string(&delivery(url)).unwrap();
    let disposal = webhook.handle(&message(body, 3)).await;
    let hidden = queue.0.lock().unwrap().first().map(|(_, _, seconds)| *seconds);
    (disposal, hidden)
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_arrives_is_the_event_signed() {
    let receiver = Receiver::answers(Some("HTTP/1.1 204 No Content\r\n\r\n"));
    let (disposal, hidden) = deliver_to(&receiver.url, LONG, true).await;
    assert_eq!((disposal, hidden), (Disposal::Acknowledge, None));

    let requests = receiver.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1"), "{head}");
    assert_eq!(header(head, "content-type"), Some("application/json"));
    assert_eq!(header(head, "marey-event"), Some("marey.job.completed"));
    assert_eq!(
        header(head, "marey-delivery"),
        Some("00000000-0000-0000-0000-000000000007")
    );
    let sent: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(sent, delivery("").event);

    let signature = header(head, "marey-signature").unwrap();
    let (time, _) = signature.trim_start_matches("t=").split_once(',').unwrap();
    let secrets = Secrets::from_setting(SECRET).unwrap();
    assert_eq!(secrets.sign(time.parse().unwrap(), body), signature);
}

#[tokio::test]
async fn what_the_receiver_does_not_take_comes_back_later() {
    let answers = [
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "this is no answer\r\n\r\n",
        "HTTP/1.1 2",
        "",
    ];
    for answer in answers {
        let receiver = Receiver::answers(Some(answer));
        let (disposal, hidden) = deliver_to(&receiver.url, LONG, true).await;
        let Disposal::Return(Some(delay_s)) = disposal else {
            panic!("{answer}: {disposal:?}")
        };
        assert_eq!(hidden, Some(delay_s), "{answer}");
        assert!(
            (60..=120).contains(&delay_s),
            "the third try of {answer} waits {delay_s} s"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Receiver::answers(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        target.url
    );
    let receiver = Receiver::answers(Some(answer.leak()));
    let (disposal, _) = deliver_to(&receiver.url, LONG, true).await;
    assert!(matches!(disposal, Disposal::Return(Some(_))));
    assert_eq!(receiver.requests().len(), 1);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn gone_is_believed() {
    let receiver = Receiver::answers(Some("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n"));
    let (disposal, hidden) = deliver_to(&receiver.url, LONG, true).await;
    assert_eq!((disposal, hidden), (Disposal::Acknowledge, None));
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left() {
    let receiver = Receiver::answers(None);
    let (disposal, hidden) = deliver_to(&receiver.url, Duration::from_millis(200), true).await;
    assert!(matches!(disposal, Disposal::Return(Some(_))));
    assert!(hidden.is_some());
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn what_a_receiver_says_at_length_is_not_read() {
    let receiver = Receiver::answers(Some("HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\nand so on"));
    let (disposal, _) = deliver_to(&receiver.url, LONG, true).await;
    assert_eq!(disposal, Disposal::Acknowledge);
}

#[tokio::test]
async fn a_receiver_may_ask_for_time() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 900\r\ncontent-length: 0\r\n\r\n";
    let (_, hidden) = deliver_to(&Receiver::answers(Some(busy)).url, LONG, true).await;
    assert_eq!(hidden, Some(900));
    let for_ever = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 4000000\r\ncontent-length: 0\r\n\r\n";
    let (_, hidden) = deliver_to(&Receiver::answers(Some(for_ever)).url, LONG, true).await;
    assert_eq!(hidden, Some(LONGEST_DELAY_S));
}

#[tokio::test]
async fn nothing_is_sent_to_this_machine_unless_the_deployment_allows_it() {
    let receiver = Receiver::answers(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let secure = receiver.url.replace("http://", "https://");
    let by_name = secure.replace("127.0.0.1", "localhost");
    for url in [receiver.url.as_str(), &secure, &by_name] {
        let (webhook, _) = webhook(LONG, false);
        let refused = webhook.poster.post(&delivery(url)).await;
        assert!(refused.is_err(), "{url}");
        let (disposal, _) = deliver_to(url, LONG, false).await;
        assert!(matches!(disposal, Disposal::Return(_)), "{url}");
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_private_name_is_named_in_the_log_and_the_address_is_not() {
    let (webhook, _) = webhook(LONG, false);
    let error = webhook
        .poster
        .post(&delivery("https://localhost:1/token-of-the-receiver"))
        .await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("not a public address"), "{text}");
    assert!(!text.contains("token-of-the-receiver"), "{text}");
}

#[tokio::test]
async fn a_message_that_is_none_goes_the_way_to_the_dead_letters() {
    let newer = Delivery {
        schema_version: DELIVERY_VERSION + 1,
        ..delivery("https://example.com/")
    };
    for body in [String::new(), "{}".into(), serde_json::to_string(&newer).unwrap()] {
        let (webhook, queue) = webhook(LONG, true);
        assert_eq!(webhook.handle(&message(body, 1)).await, Disposal::Return(None));
        assert!(queue.0.lock().unwrap().is_empty());
    }
}

#[test]
fn twelve_tries_span_hours() {
    let span = |random: f64| {
        (1..12)
            .map(|tries| u64::from(delay_s(tries, None, random)))
            .sum::<u64>()
    };
    assert_eq!(span(1.0), 30 * 255 + 3 * 7200);
    assert_eq!(span(0.0), span(1.0) / 2);
}

proptest! {
    #[test]
    fn a_delay_grows_and_stays_within_its_bounds(tries in 0_u32..200, asked in any::<Option<u32>>(), random in 0.0..=1.0) {
        let delay = delay_s(tries, asked, random);
        prop_assert!((FIRST_DELAY_S / 2..=LONGEST_DELAY_S).contains(&delay));
        prop_assert!(delay <= delay_s(tries + 1, asked, 1.0));
        prop_assert!(delay >= asked.unwrap_or(0).min(LONGEST_DELAY_S));
    }
}

/// docs/EVENTS.md: a receiver, and a delivery to try one with.
const DOCUMENT: &str = include_str!("../../../docs/EVENTS.md");

/// A row of the table of the delivery to try a receiver with.
fn documented(name: &str) -> &'static str {
    let (_, table) = DOCUMENT
        .split_once("A delivery to check an implementation against")
        .unwrap();
    let row = table
        .lines()
        .find_map(|line| line.strip_prefix(&format!("| {name} | `")));
    row.unwrap().trim_end_matches("` |")
}

#[test]
fn the_documented_delivery_is_signed_as_the_code_signs() {
    let header = documented("`Marey-Signature`");
    let (time, _) = header.trim_start_matches("t=").split_once(',').unwrap();
    let secrets = Secrets::from_setting(documented("secret")).unwrap();
    assert_eq!(secrets.sign(time.parse().unwrap(), documented("body")), header);
}

/// What the documented receiver says of these deliveries: a secret, a header, a body and the time of day each.
fn documented_receiver_accepts(deliveries: &[(&str, &str, &str, i64)]) -> Option<Vec<bool>> {
    let receiver = DOCUMENT.split("```python\n").nth(1)?.split("```").next()?;
    let receiver = receiver.split("\nclass Receiver").next()?;
    let ask = "\nfor secret, header, body, now in json.loads(sys.argv[1]):\n    print(is_genuine(secret, header, body.encode(), now))";
    let ran = std::process::Command::new("python3")
        .args(["-c", &format!("{receiver}{ask}"), &json!(deliveries).to_string()])
        .output();
    let Ok(output) = ran else {
        eprintln!("skipped: python3 is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(|line| line == "True").collect())
}

#[test]
fn the_documented_receiver_takes_what_is_genuine_and_nothing_else() {
    let body = "{\"name\":\"Läufer\"}";
    let sign = |secrets: &str| Secrets::from_setting(secrets).unwrap().sign(1_795_255_200, body);
    let (genuine, changing) = (sign(SECRET), sign("another secret of the tests, a secret of the tests"));
    let now = 1_795_255_200;
    let deliveries = [
        (SECRET, genuine.as_str(), body, now),
        (SECRET, &genuine, body, now + 299),
        (SECRET, &changing, body, now),
        (SECRET, &genuine, "{}", now),
        (SECRET, &genuine, body, now + 301),
        ("another secret of the tests", &genuine, body, now),
        (SECRET, &genuine.replace("t=1795255200", "t=1795255201"), body, now),
        (SECRET, "t=1795255200,v1=", body, now),
        (SECRET, "", body, now),
        (SECRET, "t=x,v1=é", body, now),
    ];
    if let Some(accepted) = documented_receiver_accepts(&deliveries) {
        assert_eq!(
            accepted,
            [true, true, true, false, false, false, false, false, false, false]
        );
    }
}

#[tokio::test]
async fn the_sample_message_is_delivered() {
    const SAMPLE: &str = include_str!("../../../events/webhook.json");
    let receiver = Receiver::answers(Some("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let event: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
    let body = event["Records"][0]["body"].as_str().unwrap();
    let body = body.replace("https://example.com/hooks/marey", &receiver.url);
    let (webhook, _) = webhook(LONG, true);
    assert_eq!(webhook.handle(&message(body, 1)).await, Disposal::Acknowledge);
    let requests = receiver.requests();
    assert_eq!(header(&requests[0], "marey-event"), Some("marey.job.completed"));
}
