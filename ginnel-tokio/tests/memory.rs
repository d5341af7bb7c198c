//! What an idle connection holds, in bytes of the heap.
#![cfg(unix)]

#[path = "../../ginnel/tests/counting/mod.rs"]
mod counting;

use std::fs::File;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use counting::Heap;
use ginnel_tokio::*;

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Beside the structure itself.
const IDLE: usize = 1024;

/// Polls a future until it has waited a while, and drops it: so the connection has settled.
async fn wait_in_vain<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..20 {
        let pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
        assert!(pending, "nothing was to come");
        tokio::task::yield_now().await;
    }
}

async fn after_a_burst(what: &str, burst: impl AsyncFn(&mut Connection, &mut Connection) -> Told) -> Told {
    let mut heap = Heap::watch();
    let (mut left, mut right) = Connection::pair()?;
    let fresh = heap.held();
    burst(&mut left, &mut right).await?;
    wait_in_vain(left.recv()).await;
    wait_in_vain(right.recv()).await;
    let (peak, held) = (heap.peak(), heap.held());
    drop((left, right));
    let rest = heap.held();
    heap.restart();
    drop(heap);
    let itself = size_of::<Connection>();
    println!(
        "{what}: two connections hold {fresh} bytes when fresh, {peak} at most, {held} after it, {rest} when dropped;"
    );
    println!("each is {itself} bytes itself");
    assert!(held.saturating_sub(rest) <= 2 * IDLE, "{what}: {held} bytes");
    Ok(())
}

/// The reactor keeps its books for ever; they are not the connection's.
async fn warm_up() -> Told {
    let (mut left, mut right) = Connection::pair()?;
    left.send("x").await?;
    right.recv().await?;
    Ok(())
}

async fn a_connection_that_idles_after_small_messages_holds_little() -> Told {
    warm_up().await?;
    after_a_burst("20,000 small messages", async |left, right| {
        for _ in 0..20 {
            for _ in 0..1000 {
                left.feed(vec![1; 20]).await?;
            }
            left.flush().await?;
            for _ in 0..1000 {
                right.recv().await?;
            }
        }
        Ok(())
    })
    .await
}

async fn a_connection_that_idles_after_large_messages_holds_little() -> Told {
    warm_up().await?;
    after_a_burst("10 messages of 60 kB with descriptors", async |left, right| {
        right.send("so that it greets").await?;
        left.recv().await?;
        for _ in 0..10 {
            left.send(Message::new(vec![1; 60_000]).with_fds(vec![File::open("/dev/null")?.into()])).await?;
            right.recv().await?;
        }
        Ok(())
    })
    .await
}

async fn a_connection_that_idles_after_calls_holds_little() -> Told {
    warm_up().await?;
    after_a_burst("100 calls", async |left, right| {
        for _ in 0..100 {
            let serve = async {
                let Some(Delivery::Request(request)) = right.next().await? else { panic!("a request came") };
                right.reply(request, "yes").await?;
                Told::Ok(())
            };
            let (answer, served) = tokio::join!(left.call("well?"), serve);
            answer?;
            served?;
        }
        Ok(())
    })
    .await
}

async fn a_connection_that_idles_after_its_inbox_was_full_holds_little() -> Told {
    warm_up().await?;
    after_a_burst("1,000 messages beside a call", async |left, right| {
        let serve = async {
            let Some(Delivery::Request(request)) = right.next().await? else { panic!("a request came") };
            for _ in 0..1000 {
                right.feed("something else").await?;
            }
            right.reply(request, "yes").await?;
            Told::Ok(())
        };
        let (answer, served) = tokio::join!(left.call("well?"), serve);
        answer?;
        served?;
        for _ in 0..1000 {
            left.recv().await?;
        }
        Ok(())
    })
    .await
}

/// One after another and nothing beside them: the allocator counts for the whole process.
#[tokio::test]
async fn what_is_held_is_bounded() -> Told {
    a_connection_that_idles_after_small_messages_holds_little().await?;
    a_connection_that_idles_after_large_messages_holds_little().await?;
    a_connection_that_idles_after_calls_holds_little().await?;
    a_connection_that_idles_after_its_inbox_was_full_holds_little().await?;
    Ok(())
}
