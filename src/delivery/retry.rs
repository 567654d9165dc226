//! retryDelivery: what was given up is tried anew.

use async_graphql::InputObject;

use super::{
    Delivery, DeliveryId, DeliveryStatus,
    store::{self, lease},
};
use crate::{
    app::App,
    auth::Viewer,
    error::{Result, UserError},
};

/// Which delivery to try anew.
#[derive(InputObject, Clone, Debug)]
pub struct RetryDeliveryInput {
    /// Its id.
    pub id: DeliveryId,
}

/// ADMIN and SERVICE. A digest goes out again as a whole. One that is on its way already is left alone.
pub async fn retry(app: &App, viewer: &Viewer, input: RetryDeliveryInput) -> Result<Delivery> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE retry deliveries.").into());
    }
    let (tenant, id, now) = (viewer.tenant, input.id, app.clock.now());
    app.db
        .write(tenant, async move |tx| {
            let found = store::find(tenant, tx, id).await?;
            let delivery = found.ok_or_else(|| UserError::not_found(&["id"], "delivery"))?;
            match delivery.status {
                DeliveryStatus::Pending | DeliveryStatus::Retrying => return Ok(delivery),
                DeliveryStatus::Sent => {
                    return Err(UserError::invalid(&["id"], "This delivery has been sent already.").into());
                }
                DeliveryStatus::Dead => {}
            }
            lease::revive(tenant, tx, delivery.message_id.unwrap_or(delivery.id), now).await?;
            let revived = store::find(tenant, tx, id).await?;
            Ok(revived.unwrap_or(delivery))
        })
        .await
}
