// Who is in which room, and what was said there lately. All of it lives in
// this process's memory and is bounded; with more than one backend process
// it would move to Redis or a table, and the functions would stay.

const ROOMS_MAX = 100;
const MEMBERS_MAX = 200;
const HISTORY_MAX = 50;

const rooms = new Map(); // name -> { name, members, history }
const seats = new Map(); // connection id -> member

/** An input we turn down: the client gets `code` and `message`. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const memberAt = (connectionId) => seats.get(connectionId);

export const others = (member) =>
  everyone(member.room).filter((other) => other !== member);

export const everyone = (room) =>
  [...(rooms.get(room)?.members.values() ?? [])];

export const history = (room) => rooms.get(room)?.history ?? [];

export const list = () =>
  [...rooms.values()]
    .filter((room) => room.members.size > 0)
    .map((room) => ({ name: room.name, members: room.members.size }));

/**
 * Seats a member: { id, name, room, recipient }. Returns the member that had
 * the same id in that room, whose place it takes: a tab that came back.
 */
export function enter(member) {
  const room = rooms.get(member.room) ?? open(member.room);
  const before = room.members.get(member.id);

  if (!before && room.members.size >= MEMBERS_MAX)
    throw new Refusal(409, "room-full", `${member.room} is full`);
  if (before) seats.delete(before.recipient.id);
  room.members.set(member.id, member);
  seats.set(member.recipient.id, member);
  return before;
}

/** Takes a member out. False if it was out already. */
export function leave(member) {
  if (seats.get(member.recipient.id) !== member) return false;
  seats.delete(member.recipient.id);
  rooms.get(member.room)?.members.delete(member.id);
  return true;
}

/** Keeps what was said for those who come later. */
export function remember(message) {
  const kept = history(message.room);
  kept.push(message);
  if (kept.length > HISTORY_MAX) kept.shift();
}

function open(name) {
  if (rooms.size >= ROOMS_MAX) {
    const empty = [...rooms.values()].find((room) => room.members.size === 0);
    if (!empty) throw new Refusal(409, "too-many-rooms", "no room for a room");
    rooms.delete(empty.name);
  }
  const room = { name, members: new Map(), history: [] };
  rooms.set(name, room);
  return room;
}
