//! The connection to Redis, on servers that behave as told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use _accel::lane::redis::{Address, Failure, Redis};
use _accel::lane::secret::Secret;
use redis::{Script, Value};

const PATIENCE: Duration = Duration::from_secs(20);

fn address(port: u16) -> Address {
    Address {
        host: "127.0.0.1".to_owned(),
        port,
        database: 0,
        username: None,
        password: None,
        namespace: None,
        patience: PATIENCE,
    }
}

fn run(redis: &Redis) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(redis.run(&Script::new("return 1"), &["key"], &["argument".to_owned()]))
}

/// One command of a client, its words.
fn command(client: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let mut line = String::new();
    client
        .read_line(&mut line)
        .ok()
        .filter(|&bytes| bytes > 0)?;
    let words = line.trim().strip_prefix('*')?.parse().ok()?;
    let mut command = Vec::new();
    for _ in 0..words {
        line.clear();
        client.read_line(&mut line).ok()?;
        let bytes: usize = line.trim().strip_prefix('$')?.parse().ok()?;
        let mut word = vec![0; bytes + 2];
        client.read_exact(&mut word).ok()?;
        command.push(String::from_utf8_lossy(&word[..bytes]).into_owned());
    }
    Some(command)
}

/// Answers the commands of one connection after another; where there is nothing more to say it hangs up.
fn server(connections: Vec<Vec<&'static str>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let mut heard = Vec::new();
        for answers in connections {
            let (client, _) = listener.accept().unwrap();
            let mut client = BufReader::new(client);
            for answer in answers {
                heard.extend(command(&mut client).map(|words| words[0].clone()));
                client.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            heard.extend(command(&mut client).map(|words| words[0].clone()));
        }
        heard
    });
    (port, server)
}

#[test]
fn a_script_that_redis_does_not_know_is_loaded_once() {
    let unknown = "-NOSCRIPT No matching script.\r\n";
    let hash = "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n";
    let (port, server) = server(vec![vec![unknown, hash, ":1\r\n"]]);
    assert_eq!(run(&Redis::new(address(port))), Ok(Value::Int(1)));
    let heard = server.join().unwrap();
    assert_eq!(heard, ["EVALSHA", "SCRIPT", "EVALSHA"]);
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = run(&Redis::new(address(port))).unwrap_err();
    assert_eq!(failure, Failure::Refused);
    assert!(!failure.may_have_run());
}

#[test]
fn the_wrong_password_is_a_refusal_that_quotes_nothing() {
    let (port, server) = server(vec![vec![
        "-WRONGPASS invalid username-password pair hunter2\r\n",
    ]]);
    let password = Some(Secret::new("hunter2".to_owned()));
    let redis = Redis::new(Address {
        password,
        ..address(port)
    });
    let failure = run(&redis).unwrap_err();
    assert_eq!(failure, Failure::Refused);
    assert!(!format!("{failure} {failure:?} {redis:?}").contains("hunter2"));
    assert_eq!(server.join().unwrap(), ["AUTH"]);
}

#[test]
fn a_lost_connection_is_made_again_by_the_next_call_and_nothing_is_sent_twice() {
    let (port, server) = server(vec![vec![], vec![":1\r\n"]]);
    let redis = Redis::new(address(port));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let script = Script::new("return 1");
        let failure = redis.run(&script, &[], &[]).await.unwrap_err();
        assert_eq!(failure, Failure::Lost);
        assert!(failure.may_have_run());
        assert_eq!(redis.run(&script, &[], &[]).await, Ok(Value::Int(1)));
    });
    drop((runtime, redis));
    assert_eq!(server.join().unwrap(), ["EVALSHA", "EVALSHA"]);
}

#[test]
fn no_answer_is_waited_for_no_longer_than_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let patience = Duration::from_millis(1);
    let redis = Redis::new(Address {
        patience,
        ..address(port)
    });
    let failure = run(&redis).unwrap_err();
    // A slow machine may not even connect in that time.
    assert!(matches!(failure, Failure::TimedOut | Failure::Unreachable));
}

#[test]
fn an_error_of_the_script_is_a_kind_and_the_connection_stays() {
    let (port, server) = server(vec![vec!["-WRONGTYPE of secret-key\r\n", ":1\r\n"]]);
    let redis = Redis::new(address(port));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let script = Script::new("return 1");
        assert_eq!(redis.run(&script, &[], &[]).await, Err(Failure::Script));
        assert_eq!(redis.run(&script, &[], &[]).await, Ok(Value::Int(1)));
    });
    drop((runtime, redis));
    assert_eq!(server.join().unwrap(), ["EVALSHA", "EVALSHA"]);
}

#[test]
fn keys_have_the_namespace_once() {
    let namespaced = |namespace: Option<&str>, key| {
        let namespace = namespace.map(str::to_owned);
        Redis::new(Address {
            namespace,
            ..address(1)
        })
        .key(key)
    };
    assert_eq!(namespaced(None, "key"), "key");
    assert_eq!(namespaced(Some(""), "key"), "key");
    assert_eq!(namespaced(Some("litellm"), "key"), "litellm:key");
    assert_eq!(namespaced(Some("litellm"), "litellm:key"), "litellm:key");
    assert_eq!(
        namespaced(Some("litellm"), "litellmkey"),
        "litellm:litellmkey"
    );
    assert_eq!(
        namespaced(Some("litellm"), "{api_key:a}:window"),
        "litellm:{api_key:a}:window"
    );
}
