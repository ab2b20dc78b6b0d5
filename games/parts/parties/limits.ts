/** Bounds, with unit and reason, as in shared/limits.ts. @module */

// Parties

/** Members a game may allow in a party: its state, sent at every change, is then some 1 KiB. */
export const PARTY_MEMBERS_MAX = 16;
/** Invitations of one party that wait for an answer. */
export const PARTY_INVITES_MAX = 16;
/** Invitations to parties that may wait for one player's answer. */
export const PARTY_INVITES_PER_PLAYER_MAX = 16;
/** How long an invitation to a party can be answered, in milliseconds. */
export const PARTY_INVITE_LIFETIME_MS = 60_000;
