//! Leads and contacts by the lead's id, batched.

use std::sync::Arc;

use super::{Contact, Lead, LeadId, store};
use crate::{auth::Viewer, db::Db, graphql::Loader, ids::TenantId};

/// Leads that the viewer may see.
pub fn visible(db: &Db, viewer: &Viewer) -> Loader<LeadId, Lead> {
    let (db, viewer) = (db.clone(), viewer.clone());
    Loader::new(move |ids| {
        let (db, viewer, ids) = (db.clone(), viewer.clone(), Arc::new(ids));
        async move {
            let tenant = viewer.tenant;
            let mut found = db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await?;
            found.retain(|_, lead| lead.visible_to(&viewer));
            Ok(found)
        }
    })
}

/// Contacts, whoever asks: the caller decides who may.
pub fn contacts(db: &Db, tenant: TenantId) -> Loader<LeadId, Contact> {
    let db = db.clone();
    Loader::new(move |ids| {
        let (db, ids) = (db.clone(), Arc::new(ids));
        async move { db.read(tenant, async move |tx| store::find_contacts(tenant, tx, &ids).await).await }
    })
}
