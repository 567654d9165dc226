// @generated automatically by Diesel CLI.

diesel::table! {
    use crate::db::sql_types::*;

    announcements (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        reference -> Text,
        request_hash -> Bytea,
        notification_type -> Text,
        topic -> Nullable<Text>,
        priority -> Text,
        title -> Text,
        message -> Text,
        data -> Nullable<Jsonb>,
        lead_id -> Nullable<Uuid>,
        category -> Nullable<Text>,
        attributes -> Jsonb,
        recipients -> Jsonb,
        recipient_count -> Int8,
        told_up_to -> Nullable<Text>,
        done -> Bool,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    claims (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int4,
        lead_id -> Uuid,
        provider_id -> Text,
        customer_id -> Text,
        status -> Text,
        price -> Int8,
        claimed_at -> Timestamptz,
        contacted_at -> Nullable<Timestamptz>,
        closed_at -> Nullable<Timestamptz>,
        refunded_at -> Nullable<Timestamptz>,
        refund_amount -> Nullable<Int8>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    contacts (tenant_id, lead_id) {
        tenant_id -> Uuid,
        lead_id -> Uuid,
        name -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
        email_key -> Nullable<Text>,
        phone_key -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    deliveries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        recipient_id -> Text,
        channel -> Text,
        notification_id -> Nullable<Uuid>,
        notification_type -> Text,
        topic -> Nullable<Text>,
        priority -> Text,
        title -> Text,
        message -> Text,
        data -> Nullable<Jsonb>,
        reference -> Nullable<Text>,
        subject_id -> Uuid,
        lead_id -> Nullable<Uuid>,
        claim_id -> Nullable<Uuid>,
        lead_match -> Nullable<Jsonb>,
        gathered -> Bool,
        message_id -> Nullable<Uuid>,
        status -> Text,
        attempts -> Int4,
        last_error -> Nullable<Text>,
        next_attempt_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    distributions (tenant_id, lane) {
        tenant_id -> Uuid,
        lane -> Text,
        event_id -> Int8,
        told_up_to -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    event_users (tenant_id, user_id, event_id) {
        tenant_id -> Uuid,
        user_id -> Text,
        event_id -> Int8,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    events (id) {
        id -> Int8,
        tenant_id -> Uuid,
        kind -> Text,
        payload -> Text,
        occurred_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    lead_attributes (tenant_id, lead_id, key) {
        tenant_id -> Uuid,
        lead_id -> Uuid,
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    lead_notices (tenant_id, lead_id, notification_type) {
        tenant_id -> Uuid,
        lead_id -> Uuid,
        notification_type -> Text,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    leads (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        version -> Int4,
        customer_id -> Text,
        reference -> Text,
        request_hash -> Bytea,
        is_test -> Bool,
        status -> Text,
        status_reason -> Nullable<Text>,
        title -> Text,
        description -> Text,
        category -> Text,
        urgency -> Text,
        country -> Text,
        region -> Nullable<Text>,
        city -> Nullable<Text>,
        postal_prefix -> Nullable<Text>,
        attributes -> Nullable<Jsonb>,
        budget -> Nullable<Int8>,
        price -> Int8,
        max_claims -> Int4,
        claim_count -> Int4,
        duplicate_of -> Nullable<Uuid>,
        search_text -> Text,
        created_at -> Timestamptz,
        verified_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        expiry_order -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    ledger_entries (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        wallet_id -> Uuid,
        version -> Int4,
        entry_type -> Text,
        change -> Int8,
        previous_balance -> Int8,
        balance -> Int8,
        claim_id -> Nullable<Uuid>,
        reference -> Nullable<Text>,
        request_hash -> Nullable<Bytea>,
        reason -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    log_state (id) {
        id -> Int4,
        epoch -> Uuid,
        floor -> Int8,
        origin -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    notification_preferences (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Text,
        version -> Int4,
        rules -> Jsonb,
        sound -> Bool,
        sound_for -> Jsonb,
        quiet_hours -> Nullable<Jsonb>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    notifications (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        recipient_id -> Text,
        notification_type -> Text,
        topic -> Nullable<Text>,
        priority -> Text,
        title -> Text,
        message -> Text,
        data -> Nullable<Jsonb>,
        reference -> Nullable<Text>,
        subject_id -> Uuid,
        lead_id -> Nullable<Uuid>,
        claim_id -> Nullable<Uuid>,
        lead_match -> Nullable<Jsonb>,
        tier -> Nullable<Text>,
        category -> Nullable<Text>,
        folder -> Text,
        unread -> Bool,
        read_at -> Nullable<Timestamptz>,
        opened_at -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        snoozed_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        event_id -> Int8,
        search_text -> Text,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    provider_categories (tenant_id, category, provider_id) {
        tenant_id -> Uuid,
        category -> Text,
        provider_id -> Text,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    provider_profiles (tenant_id, provider_id) {
        tenant_id -> Uuid,
        provider_id -> Text,
        version -> Int4,
        categories -> Jsonb,
        service_areas -> Jsonb,
        min_budget -> Nullable<Int8>,
        attributes -> Nullable<Jsonb>,
        min_score -> Int4,
        accepting_leads -> Bool,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    tenants (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        currency -> Text,
        auto_verify_leads -> Bool,
        default_lead_price -> Int8,
        default_max_claims -> Int4,
        lead_lifetime_hours -> Int4,
        competitive_at -> Int4,
        low_balance_threshold -> Int8,
        created_at -> Timestamptz,
        default_rules -> Jsonb,
        webhook_url -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    unread_counts (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Text,
        unread -> Int8,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    users (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Text,
        name -> Text,
        role -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        tokens_valid_from -> Timestamptz,
        search_text -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    wallets (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        owner_id -> Text,
        balance -> Int8,
        version -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::db::sql_types::*;

    webhook_secrets (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        secret -> Bytea,
        valid_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::joinable!(users -> tenants (tenant_id));

diesel::allow_tables_to_appear_in_same_query!(
    announcements,
    claims,
    contacts,
    deliveries,
    distributions,
    event_users,
    events,
    lead_attributes,
    lead_notices,
    leads,
    ledger_entries,
    log_state,
    notification_preferences,
    notifications,
    provider_categories,
    provider_profiles,
    tenants,
    unread_counts,
    users,
    wallets,
    webhook_secrets,
);
