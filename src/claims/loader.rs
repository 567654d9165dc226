//! Claims, many at a time.

use super::{Claim, ClaimId, store};
use crate::{
    db::Db,
    graphql::Loader,
    ids::{TenantId, UserId},
    leads::LeadId,
};

/// Every claim of the tenant: who may see which is for the asker to settle.
pub fn claims(db: &Db, tenant: TenantId) -> Loader<ClaimId, Claim> {
    let db = db.clone();
    Loader::new(move |ids: Vec<ClaimId>| {
        let db = db.clone();
        async move {
            let found = db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await?;
            Ok(found.into_iter().map(|claim| (claim.id, claim)).collect())
        }
    })
}

/// A provider's own claims by lead, refunded ones included.
pub fn own_claims(db: &Db, tenant: TenantId, provider: UserId) -> Loader<LeadId, Claim> {
    let db = db.clone();
    Loader::new(move |leads: Vec<LeadId>| {
        let (db, provider) = (db.clone(), provider.clone());
        async move {
            let of_leads = async move |tx: &_| store::of_provider_among(tenant, tx, &provider, &leads).await;
            let found = db.read(tenant, of_leads).await?;
            Ok(found.into_iter().map(|claim| (claim.lead_id, claim)).collect())
        }
    })
}

/// Who has claimed a lead of this customer's, refunded or not.
pub fn claimants(db: &Db, tenant: TenantId, customer: UserId) -> Loader<UserId, ()> {
    let db = db.clone();
    Loader::new(move |providers: Vec<UserId>| {
        let (db, customer) = (db.clone(), customer.clone());
        async move {
            let among = async move |tx: &_| store::claimants_among(tenant, tx, &customer, &providers).await;
            let found = db.read(tenant, among).await?;
            Ok(found.into_iter().map(|provider| (provider, ())).collect())
        }
    })
}
