//! The tables of leads, their contacts and their attributes.

pub mod listing;
mod narrow;

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use self::listing::NEVER;
use super::{Contact, Lead, LeadId, content};
use crate::{
    clock::Timestamp,
    db::{
        Connection, Tx, on,
        schema::{contacts, lead_attributes, leads},
        to_json,
    },
    error::Result,
    ids::{TenantId, UserId},
};

/// False when the customer has used this reference before.
pub async fn insert(tenant: TenantId, tx: &Tx, lead: &Lead, contact: &Contact, hash: &[u8]) -> Result<bool> {
    let row = (
        leads::tenant_id.eq(tenant),
        lead,
        leads::request_hash.eq(hash),
        leads::search_text.eq(lead.search_text()),
        leads::expiry_order.eq(lead.expires_at.unwrap_or(NEVER)),
    );
    let inserted = on!(tx, conn => diesel::insert_into(leads::table)
        .values(row)
        .on_conflict((leads::tenant_id, leads::customer_id, leads::reference))
        .do_nothing()
        .execute(conn)
        .await)?;
    if inserted == 0 {
        return Ok(false);
    }
    let (email_key, phone_key) = content::keys(contact);
    let row = (
        contacts::tenant_id.eq(tenant),
        contacts::lead_id.eq(lead.id),
        contacts::name.eq(&contact.name),
        contacts::email.eq(&contact.email),
        contacts::phone.eq(&contact.phone),
        contacts::address.eq(&contact.address),
        contacts::email_key.eq(email_key),
        contacts::phone_key.eq(phone_key),
    );
    on!(tx, conn => diesel::insert_into(contacts::table).values(row).execute(conn).await)?;
    insert_attributes(tenant, tx, lead).await?;
    Ok(true)
}

async fn insert_attributes(tenant: TenantId, tx: &Tx, lead: &Lead) -> Result<()> {
    for (key, value) in lead.plain_attributes() {
        let row = (
            lead_attributes::tenant_id.eq(tenant),
            lead_attributes::lead_id.eq(lead.id),
            lead_attributes::key.eq(key),
            lead_attributes::value.eq(value),
        );
        on!(tx, conn => diesel::insert_into(lead_attributes::table).values(row).execute(conn).await)?;
    }
    Ok(())
}

/// Writes everything of a lead that can change, but its contact.
pub async fn update(tenant: TenantId, tx: &Tx, lead: &Lead) -> Result<()> {
    let set = (
        leads::version.eq(lead.version),
        leads::status.eq(lead.status),
        leads::status_reason.eq(&lead.status_reason),
        leads::title.eq(&lead.title),
        leads::description.eq(&lead.description),
        leads::category.eq(&lead.category),
        leads::urgency.eq(lead.urgency),
        leads::country.eq(&lead.location.country),
        leads::region.eq(&lead.location.region),
        leads::city.eq(&lead.location.city),
        leads::postal_prefix.eq(&lead.location.postal_prefix),
        leads::attributes.eq(lead.attributes.as_ref().map(to_json)),
        leads::budget.eq(lead.budget),
        leads::price.eq(lead.price),
        leads::max_claims.eq(lead.max_claims),
        leads::claim_count.eq(lead.claim_count),
        leads::search_text.eq(lead.search_text()),
        leads::verified_at.eq(lead.verified_at),
        leads::expires_at.eq(lead.expires_at),
        leads::expiry_order.eq(lead.expires_at.unwrap_or(NEVER)),
    );
    on!(tx, conn => diesel::update(leads::table.find((tenant, lead.id))).set(set).execute(conn).await)?;
    Ok(())
}

/// Writes what a claim or its refund changes.
pub async fn update_places(tenant: TenantId, tx: &Tx, lead: &Lead) -> Result<()> {
    let set = (leads::version.eq(lead.version), leads::status.eq(lead.status), leads::claim_count.eq(lead.claim_count));
    on!(tx, conn => diesel::update(leads::table.find((tenant, lead.id))).set(set).execute(conn).await)?;
    Ok(())
}

pub async fn replace_attributes(tenant: TenantId, tx: &Tx, lead: &Lead) -> Result<()> {
    let old = lead_attributes::table
        .filter(lead_attributes::tenant_id.eq(tenant))
        .filter(lead_attributes::lead_id.eq(lead.id));
    on!(tx, conn => diesel::delete(old).execute(conn).await)?;
    insert_attributes(tenant, tx, lead).await
}

/// The lead, locked until the transaction ends. (On SQLite the one writer has locked everything.)
pub async fn lock(tenant: TenantId, tx: &Tx, id: LeadId) -> Result<Option<Lead>> {
    let query = leads::table.find((tenant, id));
    Ok(on!(tx,
        sqlite conn => query.select(Lead::as_select()).first(conn).await,
        postgres conn => query.select(Lead::as_select()).for_update().first(conn).await,
    )
    .optional()?)
}

pub async fn find_many(tenant: TenantId, tx: &Tx, ids: &[LeadId]) -> Result<HashMap<LeadId, Lead>> {
    let query = leads::table.filter(leads::tenant_id.eq(tenant));
    let found: Vec<Lead> =
        on!(tx, conn => query.filter(leads::id.eq_any(ids)).select(Lead::as_select()).load(conn).await)?;
    Ok(found.into_iter().map(|lead| (lead.id, lead)).collect())
}

/// The lead with the hash of the input that made it.
pub async fn find_by_reference(
    tenant: TenantId,
    tx: &Tx,
    customer: &UserId,
    reference: &str,
) -> Result<Option<(Lead, Vec<u8>)>> {
    let query = leads::table
        .filter(leads::tenant_id.eq(tenant))
        .filter(leads::customer_id.eq(customer))
        .filter(leads::reference.eq(reference));
    Ok(on!(tx, conn => query
        .select((Lead::as_select(), leads::request_hash))
        .first(conn)
        .await
        .optional())?)
}

/// Makes those who post the same contact and category at once look for duplicates one after the other. (On SQLite the one
/// writer does.)
pub async fn lock_contact(
    tenant: TenantId,
    tx: &Tx,
    category: &str,
    (email_key, phone_key): &(Option<String>, Option<String>),
) -> Result<()> {
    let Connection::Postgres(conn) = tx.connection()? else { return Ok(()) };
    let mut keys: Vec<String> =
        [email_key, phone_key].into_iter().flatten().map(|key| format!("{tenant} {category} {key}")).collect();
    keys.sort();
    for key in keys {
        let lock = diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
        lock.bind::<diesel::sql_types::Text, _>(key).execute(&mut &**conn).await?;
    }
    Ok(())
}

/// The newest lead of this category with the same e-mail address or phone number since then.
pub async fn find_duplicate(
    tenant: TenantId,
    tx: &Tx,
    category: &str,
    (email_key, phone_key): (Option<String>, Option<String>),
    since: Timestamp,
) -> Result<Option<LeadId>> {
    let same = contacts::email_key.eq(email_key).or(contacts::phone_key.eq(phone_key));
    let query = contacts::table
        .inner_join(leads::table.on(leads::tenant_id.eq(contacts::tenant_id).and(leads::id.eq(contacts::lead_id))))
        .filter(contacts::tenant_id.eq(tenant))
        .filter(same.assume_not_null())
        .filter(leads::category.eq(category))
        .filter(leads::created_at.gt(since))
        .filter(diesel::dsl::not(leads::is_test))
        .order((leads::created_at.desc(), leads::id.desc()))
        .select(leads::id);
    Ok(on!(tx, conn => query.first(conn).await.optional())?)
}

pub async fn find_contact(tenant: TenantId, tx: &Tx, lead: LeadId) -> Result<Option<Contact>> {
    let query = contacts::table.find((tenant, lead));
    Ok(on!(tx, conn => query.select(Contact::as_select()).first(conn).await.optional())?)
}

pub async fn find_contacts(tenant: TenantId, tx: &Tx, ids: &[LeadId]) -> Result<HashMap<LeadId, Contact>> {
    let query = contacts::table.filter(contacts::tenant_id.eq(tenant));
    let found: Vec<(LeadId, Contact)> = on!(tx, conn => query
        .filter(contacts::lead_id.eq_any(ids))
        .select((contacts::lead_id, Contact::as_select()))
        .load(conn)
        .await)?;
    Ok(found.into_iter().collect())
}

pub async fn save_contact(tenant: TenantId, tx: &Tx, lead: LeadId, contact: &Contact) -> Result<()> {
    let (email_key, phone_key) = content::keys(contact);
    let set = (
        contacts::name.eq(&contact.name),
        contacts::email.eq(&contact.email),
        contacts::phone.eq(&contact.phone),
        contacts::address.eq(&contact.address),
        contacts::email_key.eq(email_key),
        contacts::phone_key.eq(phone_key),
    );
    on!(tx, conn => diesel::update(contacts::table.find((tenant, lead))).set(set).execute(conn).await)?;
    Ok(())
}

/// Open leads of all tenants whose time has run out.
pub async fn due(tx: &Tx, now: Timestamp, limit: i64) -> Result<Vec<(TenantId, LeadId)>> {
    let query = leads::table
        .filter(leads::status.eq("OPEN"))
        .filter(leads::expires_at.le(now))
        .order(leads::expires_at)
        .limit(limit)
        .select((leads::tenant_id, leads::id));
    Ok(on!(tx, conn => query.load(conn).await)?)
}
