DROP TABLE lead_notices;
DROP TABLE distributions;
DROP TABLE announcements;
DROP TABLE unread_counts;
DROP TABLE notifications;
