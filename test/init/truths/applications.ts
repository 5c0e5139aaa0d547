import type { Truth } from './truth.ts';

export const WORDPRESS: Truth = {
  name: 'wordpress',
  people: 'public.wp_users',
  subjects: {
    'public.wp_usermeta': ['delete'],
    'public.wp_posts': ['delete', 'detach'],
    'public.wp_postmeta': ['delete'],
    'public.wp_comments': ['delete', 'others', 'detach'],
    'public.wp_commentmeta': ['delete'],
    // `object_id` is the id of a post or of a link.
    'public.wp_term_relationships': ['delete'],
    'public.wp_links': ['delete'],
    // `session_key` is the id of a user as text, or a random key.
    'public.wp_woocommerce_sessions': ['delete'],
    'public.wp_wc_customer_lookup': ['delete'],
    'public.wp_wc_orders': ['retain'],
    'public.wp_wc_order_addresses': ['delete'],
    'public.wp_woocommerce_payment_tokens': ['delete'],
  },
  others: ['public.wp_terms', 'public.wp_termmeta', 'public.wp_term_taxonomy', 'public.wp_options'],
};

export const EVENTS: Truth = {
  name: 'events',
  people: 'read.customers',
  subjects: {
    'es.streams': ['delete'],
    'es.events': ['delete'],
    'es.snapshots': ['delete'],
    'es.outbox': ['delete'],
    'read.aliases': ['delete'],
    'read.orders': ['retain'],
    'read.order_lines': ['retain'],
    'read.documents': ['detach'],
    'read.sessions': ['delete'],
    'read.page_views': ['delete'],
  },
  others: ['es.projections', 'read.products', 'read.exchange_rates', 'read.customer_totals'],
};

export const SAAS: Truth = {
  name: 'saas',
  people: 'app.users',
  subjects: {
    'app.api_keys': ['delete'],
    'app.projects': ['detach'],
    'app.project_members': ['delete'],
    'app.tasks': ['detach'],
    'app.task_comments': ['delete'],
    'app.comment_attachments': ['delete'],
    'app.time_entries': ['delete', 'detach'],
    'app.expenses': ['delete'],
    'app.login_events': ['delete'],
  },
  others: ['app.tenants', 'app.invoices', 'app.labels', 'app.task_labels', 'app.settings'],
};

export const ERP: Truth = {
  name: 'erp',
  people: 'erp.custmst',
  subjects: {
    'erp.custadr': ['delete'],
    'erp.custcnt': ['delete'],
    'erp.ordhdr': ['retain'],
    'erp.ordln': ['retain'],
    'erp.ordtxt': ['retain'],
    'erp.shphdr': ['retain'],
    'erp.invhdr': ['retain'],
    'erp.invln': ['retain'],
    'erp.arledger': ['retain'],
    'erp.callog': ['delete'],
    'erp.mailing': ['delete'],
  },
  others: ['erp.empmst', 'erp.itemmst', 'erp.vendmst', 'erp.carrier', 'erp.whse', 'erp.stock', 'erp.numrange'],
};

export const FORUM: Truth = {
  name: 'forum',
  people: 'public.members',
  subjects: {
    'public.avatars': ['pointed'],
    'public.boards': ['detach'],
    'public.topics': ['delete', 'detach'],
    'public.posts': ['delete', 'others', 'detach'],
    'public.post_likes': ['delete', 'others'],
    'public.attachments': ['delete'],
    'public.private_messages': ['delete', 'detach'],
    'public.reports': ['delete', 'others', 'detach'],
    'public.bans': ['delete', 'detach'],
    'public.friends': ['delete'],
    'public.polls': ['delete'],
    'public.poll_options': ['delete'],
    'public.poll_votes': ['delete', 'others'],
    'public.member_sessions': ['delete'],
    'public.email_changes': ['delete'],
    'public.announcements': ['detach'],
  },
  others: ['public.ranks', 'public.smileys'],
};
