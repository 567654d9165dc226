//! Which notifications a list or a stream shows, and along which index a list of them is read.

use async_graphql::InputObject;
use strum::VariantArray;

use super::{Folder, NotificationType, NotificationView, Priority, events::NotificationsAdded};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::{Fault, Result},
    ids::UserId,
    input::{check_filter_text, check_search, normalised, search_words},
    leads::{AttributeFilter, LeadId},
    matching::MatchTier,
};

/// Which notifications. What is left out does not matter; what is given must all be true. Of a list any one value.
#[derive(InputObject, Clone, PartialEq, Debug, Default)]
pub struct NotificationFilter {
    /// Where they lie.
    #[graphql(default)]
    pub view: NotificationView,
    /// Of one of these types.
    pub types: Option<Vec<NotificationType>>,
    /// With one of these topics, written alike. At most 20.
    pub topics: Option<Vec<String>>,
    /// Not read yet (true), or read (false).
    pub unread: Option<bool>,
    /// Of one of these priorities.
    pub priorities: Option<Vec<Priority>>,
    /// About a lead whose match was in one of these tiers when it was told of.
    pub tiers: Option<Vec<MatchTier>>,
    /// About a lead in one of these categories, written alike.
    pub categories: Option<Vec<String>>,
    /// About a lead that has, for each of these attributes, one of its values.
    pub attributes: Option<Vec<AttributeFilter>>,
    /// About this lead.
    pub lead_id: Option<LeadId>,
    /// Every one of these words (at most 8) is found in the title or the message, whatever its case.
    pub search: Option<String>,
    /// Made after this moment.
    pub created_after: Option<Timestamp>,
    /// Made before this moment.
    pub created_before: Option<Timestamp>,
    /// Of these recipients, at most 20. ADMIN and SERVICE; without it a list is always of the viewer's own.
    pub recipient_ids: Option<Vec<UserId>>,
    /// Made under one of these references, at most 20. ADMIN and SERVICE.
    pub references: Option<Vec<String>>,
}

/// Values of a list in a filter, and of those that are read side by side.
const MAX_VALUES: usize = 100;
const MAX_SIDE_BY_SIDE: usize = 20;

/// Stretches that a list is read along at most, or two or three of each recipient: each is a statement or two.
const MAX_STRETCHES: usize = 24;

/// A stretch of an index: the columns in front of `created_at` and `id`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    pub recipient: UserId,
    pub folder: Option<Folder>,
    pub unread: Option<bool>,
    pub kind: Option<NotificationType>,
    pub topic: Option<String>,
    pub lead: Option<LeadId>,
    pub reference: Option<String>,
}

impl Stretch {
    fn of(recipient: UserId) -> Self {
        Self { recipient, folder: None, unread: None, kind: None, topic: None, lead: None, reference: None }
    }
}

/// What is to be read: stretches of one index, side by side, and what each row must be beside that.
#[derive(Clone, PartialEq, Debug)]
pub struct Selection {
    pub stretches: Vec<Stretch>,
    /// In any of these folders, and read or not as one of these.
    folders: Vec<Folder>,
    unread: Vec<bool>,
    pub filter: NotificationFilter,
    /// The conditions that the stretches leave open.
    pub rest: Rest,
    /// Up to this event.
    pub up_to: Option<i64>,
}

/// In which states notifications are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub folders: &'static [Folder],
    pub unread: Option<bool>,
}

impl State {
    pub const ANY: Self = Self { folders: Folder::VARIANTS, unread: None };

    pub fn takes(self, folder: Folder, unread: bool) -> bool {
        self.folders.contains(&folder) && self.unread.is_none_or(|wanted| wanted == unread)
    }
}

/// Which conditions are looked at row by row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rest {
    pub types: bool,
    pub topics: bool,
    pub references: bool,
}

impl NotificationFilter {
    /// Refuses what would cost too much, and what is not the viewer's to ask for.
    pub fn check(&self, viewer: &Viewer) -> Result<()> {
        let refuse = |text: String| Err(Fault::BadUserInput(text).into());
        if !viewer.role.is_operator() && (self.recipient_ids.is_some() || self.references.is_some()) {
            return refuse("`recipientIds` and `references` are for ADMIN and SERVICE.".to_owned());
        }
        let length = |list: Option<usize>| list.unwrap_or(0);
        let attributes = self.attributes.as_deref().unwrap_or_default();
        let longest = [
            length(self.types.as_ref().map(Vec::len)),
            length(self.priorities.as_ref().map(Vec::len)),
            length(self.tiers.as_ref().map(Vec::len)),
            length(self.categories.as_ref().map(Vec::len)),
            attributes.len() * 10,
            attributes.iter().map(|attribute| attribute.any_of.len()).max().unwrap_or(0),
        ];
        if longest.into_iter().any(|length| length > MAX_VALUES) {
            return refuse(format!("A filter has at most 10 attributes, and at most {MAX_VALUES} values in a list."));
        }
        let side_by_side = [
            length(self.topics.as_ref().map(Vec::len)),
            length(self.recipient_ids.as_ref().map(Vec::len)),
            length(self.references.as_ref().map(Vec::len)),
        ];
        if side_by_side.into_iter().any(|length| length > MAX_SIDE_BY_SIDE) {
            return refuse(format!(
                "`topics`, `recipientIds` and `references` have at most {MAX_SIDE_BY_SIDE} values."
            ));
        }
        self.texts().try_for_each(check_filter_text)?;
        check_search(self.search.as_deref().unwrap_or_default())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter().flatten();
        let attributes = attributes.flat_map(|attribute| std::iter::once(&attribute.key).chain(&attribute.any_of));
        let lists = [&self.topics, &self.categories, &self.references];
        let texts = lists.into_iter().flatten().flatten().chain(attributes).map(String::as_str);
        texts.chain(self.recipient_ids.iter().flatten().map(UserId::as_str))
    }

    /// The words of the search, as they are compared.
    pub fn words(&self) -> Vec<String> {
        search_words(self.search.as_deref().unwrap_or_default())
    }

    /// Whether a notification that was just made, and so is unread in the inbox, is one of these.
    pub fn takes(&self, added: &NotificationsAdded, recipient: &UserId) -> bool {
        fn any_of<T: PartialEq>(wanted: Option<&Vec<T>>, value: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| value.is_some_and(|value| wanted.contains(value)))
        }
        let content = &added.content;
        let Some(copy) = added.copies.get(recipient) else { return false };
        matches!(self.view, NotificationView::Inbox | NotificationView::All)
            && self.unread != Some(false)
            && any_of(self.types.as_ref(), Some(&content.kind))
            && any_of(self.topics.as_ref(), content.topic.as_ref())
            && any_of(self.priorities.as_ref(), Some(&copy.priority.unwrap_or(content.priority)))
            && any_of(self.tiers.as_ref(), copy.lead_match.as_ref().map(|found| &found.tier))
            && any_of(self.categories.as_ref(), content.category.as_ref())
            && any_of(self.recipient_ids.as_ref(), Some(recipient))
            && any_of(self.references.as_ref(), content.reference.as_ref())
            && self.lead_id.is_none_or(|lead| content.lead_id == Some(lead))
            && self.created_after.is_none_or(|after| added.created_at > after)
            && self.created_before.is_none_or(|before| added.created_at < before)
            && self.attributes.iter().flatten().all(|wanted| {
                content.attributes.iter().any(|(key, value)| *key == wanted.key && wanted.any_of.contains(value))
            })
            && {
                let text = search_text(copy.title.as_ref().unwrap_or(&content.title), &content.message);
                self.words().iter().all(|word| text.contains(word.as_str()))
            }
    }
}

/// What a search looks at.
pub fn search_text(title: &str, message: &str) -> String {
    normalised(&format!("{title}\n{message}"))
}

impl Selection {
    /// What `filter` means to `viewer`.
    pub fn new(filter: NotificationFilter, viewer: &Viewer) -> Self {
        Self::among(filter, viewer, State::ANY, None)
    }

    /// Of those the ones in such a state, up to an event.
    pub fn among(filter: NotificationFilter, viewer: &Viewer, state: State, up_to: Option<i64>) -> Self {
        let recipients = filter.recipient_ids.clone().unwrap_or_else(|| vec![viewer.user.clone()]);
        let folders = filter.view.folders().iter().filter(|folder| state.folders.contains(folder));
        let unread = [true, false].into_iter().filter(|unread| {
            filter.unread.is_none_or(|wanted| wanted == *unread) && state.unread.is_none_or(|wanted| wanted == *unread)
        });
        let mut selection = Self {
            stretches: Vec::new(),
            folders: folders.copied().collect(),
            unread: unread.collect(),
            filter,
            rest: Rest::default(),
            up_to,
        };
        let recipients: Vec<UserId> = distinct(&recipients).into_iter().filter(UserId::is_valid).collect();
        for recipient in &recipients {
            selection.lead_through(&Stretch::of(recipient.clone()), MAX_STRETCHES / recipients.len());
        }
        selection
    }

    /// Along the index that leaves the fewest rows, in at most about so many stretches: values beyond that are looked for row by row.
    fn lead_through(&mut self, all: &Stretch, most: usize) {
        let filter = self.filter.clone();
        let states = self.folders.len() * self.unread.len();
        let few = |values: usize| values * states <= most;
        let rest = Rest {
            types: filter.types.is_some(),
            topics: filter.topics.is_some(),
            references: filter.references.is_some(),
        };
        if let Some(lead) = filter.lead_id {
            self.in_folders(&Stretch { lead: Some(lead), ..all.clone() });
            self.rest = rest;
        } else if let Some(references) = filter.references.map(|all| distinct(&all)).filter(|all| few(all.len())) {
            for reference in references {
                self.in_folders(&Stretch { reference: Some(reference), ..all.clone() });
            }
            self.rest = Rest { references: false, ..rest };
        } else if let Some(topics) = filter.topics.map(|all| distinct(&all)).filter(|all| few(all.len())) {
            for topic in topics {
                self.in_folders(&Stretch { topic: Some(topic), ..all.clone() });
            }
            self.rest = Rest { topics: false, ..rest };
        } else if let Some(types) = filter.types.map(|all| distinct(&all)).filter(|all| few(all.len())) {
            for kind in types {
                self.in_folders(&Stretch { kind: Some(kind), ..all.clone() });
            }
            self.rest = Rest { types: false, ..rest };
        } else if self.folders.len() == Folder::VARIANTS.len() && self.unread.len() == 2 {
            self.stretches.push(all.clone());
            self.rest = rest;
        } else {
            self.in_folders(all);
            self.rest = rest;
        }
    }

    fn in_folders(&mut self, all: &Stretch) {
        for folder in &self.folders {
            let each = |unread| Stretch { folder: Some(*folder), unread: Some(unread), ..all.clone() };
            self.stretches.extend(self.unread.iter().copied().map(each));
        }
    }

    /// Whether one that lies there is among them.
    pub fn takes(&self, folder: Folder, unread: bool) -> bool {
        self.folders.contains(&folder) && self.unread.contains(&unread)
    }

    /// Whether rows of the stretches may have to be passed over.
    pub fn skips(&self) -> bool {
        let filter = &self.filter;
        self.rest != Rest::default()
            || filter.priorities.is_some()
            || filter.tiers.is_some()
            || filter.categories.is_some()
            || filter.attributes.is_some()
            || filter.search.is_some()
            || self.up_to.is_some()
    }
}

fn distinct<T: PartialEq + Clone>(values: &[T]) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(value) {
            distinct.push(value.clone());
        }
    }
    distinct
}
