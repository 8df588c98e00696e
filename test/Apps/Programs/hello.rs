use std::collections::BTreeMap;
use std::io::Read;
use std::sync::mpsc;
use std::thread;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = text
        .split_whitespace()
        .map(|word| {
            let sender = sender.clone();
            let word = word.to_owned();
            thread::spawn(move || sender.send((word.len(), word)).unwrap())
        })
        .collect();
    drop(sender);
    for worker in workers {
        worker.join().unwrap();
    }
    let sorted: BTreeMap<_, _> = receiver.iter().collect();
    println!("{:?}", sorted);
    let caught = std::panic::catch_unwind(|| {
        std::panic::set_hook(Box::new(|_| {}));
        panic!("on purpose")
    });
    println!("caught: {}", caught.is_err());
    std::process::exit(9);
}
