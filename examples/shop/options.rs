//! The command line, by hand.

use std::net::SocketAddr;

pub(crate) const HELP: &str = "\
Usage: shop [--listen ADDR] [--traffic N] [--exit]

  --listen ADDR   where to listen; port 0 takes a free one [127.0.0.1:3000]
  --traffic N     send itself N requests of all kinds, then go on serving
  --exit          stop when the traffic is over
  --help          this text";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) traffic: usize,
    pub(crate) exit: bool,
}

impl Options {
    /// `None` when help is asked for.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { listen: ([127, 0, 0, 1], 3000).into(), traffic: 0, exit: false };
        while let Some(arg) = args.next() {
            let mut value = |what| args.next().ok_or_else(|| format!("{arg} needs {what}"));
            match arg.as_str() {
                "--listen" => {
                    let text = value("an address such as 127.0.0.1:3000")?;
                    options.listen = text.parse().map_err(|_| format!("{text:?} is not an address such as 127.0.0.1:3000"))?;
                }
                "--traffic" => {
                    let text = value("a number of requests")?;
                    options.traffic = text.parse().map_err(|_| format!("{text:?} is not a number of requests"))?;
                }
                "--exit" => options.exit = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("there is no {arg}; see --help")),
            }
        }
        if options.exit && options.traffic == 0 {
            return Err("--exit goes with --traffic N".to_owned());
        }
        Ok(Some(options))
    }
}
