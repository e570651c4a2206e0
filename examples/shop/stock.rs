//! What the shop knows, in memory. The waits stand for a database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tracing::{debug, instrument};

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Product {
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) price_cents: u64,
    pub(crate) in_stock: u32,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) items: Vec<Item>,
    pub(crate) total_cents: u64,
    pub(crate) is_paid: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Item {
    pub(crate) product: u32,
    pub(crate) quantity: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Shop {
    products: Arc<[Product]>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    orders: BTreeMap<u64, Order>,
    photos: BTreeMap<u32, Bytes>,
}

const PRODUCTS: [(&str, u64); 12] = [
    ("Treble bell, 4 cwt", 189_000),
    ("Tenor bell, 19 cwt", 912_000),
    ("Bell rope with sally", 14_900),
    ("Clapper, forged", 42_000),
    ("Headstock, oak", 65_500),
    ("Wheel, ash", 58_000),
    ("Stay and slider", 9_800),
    ("Muffle, leather", 3_450),
    ("Handbell, in C", 12_900),
    ("Striking clock", 240_000),
    ("Weathercock, gilded", 73_000),
    ("Tower captain's notebook", 1_250),
];
const FIRST_ORDER: u64 = 1001;

impl Shop {
    pub(crate) fn open() -> Self {
        let product = |(id, (name, price_cents))| Product { id, name, price_cents, in_stock: 5 + id * 7 % 30 };
        Self { products: (1..).zip(PRODUCTS).map(product).collect(), kept: Arc::default() }
    }

    #[instrument(skip(self))]
    pub(crate) async fn products(&self, limit: usize) -> Vec<Product> {
        query("SELECT id, name, price, stock FROM product", 2).await;
        self.products.iter().take(limit).cloned().collect()
    }

    #[instrument(skip(self))]
    pub(crate) async fn product(&self, id: u32) -> Option<Product> {
        query("SELECT name, price, stock FROM product WHERE id = ?", 1).await;
        self.products.iter().find(|product| product.id == id).cloned()
    }

    /// Keeps a new order; `Err` is the id of a product that does not exist.
    #[instrument(skip_all, fields(items = items.len()))]
    pub(crate) async fn order(&self, items: Vec<Item>) -> Result<Order, u32> {
        let mut total_cents = 0;
        for item in &items {
            let product = self.product(item.product).await.ok_or(item.product)?;
            total_cents += product.price_cents * u64::from(item.quantity);
        }
        query("INSERT INTO orders (…) VALUES (…)", 3).await;
        let mut kept = self.kept();
        let id = kept.orders.last_key_value().map_or(FIRST_ORDER, |(id, _)| id + 1);
        let order = Order { id, items, total_cents, is_paid: false };
        kept.orders.insert(id, order.clone());
        Ok(order)
    }

    #[instrument(skip(self))]
    pub(crate) async fn find_order(&self, id: u64) -> Option<Order> {
        query("SELECT * FROM orders WHERE id = ?", 1).await;
        self.kept().orders.get(&id).cloned()
    }

    pub(crate) fn mark_paid(&self, id: u64) {
        if let Some(order) = self.kept().orders.get_mut(&id) {
            order.is_paid = true;
        }
    }

    /// Orders and their sum, slowly.
    #[instrument(skip(self))]
    pub(crate) async fn sales(&self) -> (usize, u64) {
        let (count, sum) = {
            let kept = self.kept();
            (kept.orders.len(), kept.orders.values().map(|order| order.total_cents).sum::<u64>())
        };
        query("SELECT count(*), sum(total) FROM orders JOIN item …", 300 + sum / 100 % 500).await;
        (count, sum)
    }

    pub(crate) fn keep_photo(&self, product: u32, photo: Bytes) {
        self.kept().photos.insert(product, photo);
    }

    pub(crate) fn photo(&self, product: u32) -> Option<Bytes> {
        self.kept().photos.get(&product).cloned()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn query(statement: &'static str, wait_ms: u64) {
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    debug!(db.query.text = statement, "query");
}
