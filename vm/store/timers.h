/* timers.h: when parked patients are due. What is far costs no memory: it lies in rows by slots of
 * 2^20 ms (17 minutes). A slot is read and sorted when its time comes.
 *
 *   timers_add ──► filling, flushing: slots in memory, since at most two laps of the log
 *                     │ timers_flush, a part with each commit
 *                     ▼
 *                  rows (slot, …) ──► near: the sorted slot whose time is now, and `late`, a heap
 *
 * Entries are hints: one counts when the patient's record says the same instant, else it is old and
 * is dropped. So nothing is ever removed, and an entry may stand twice. */
#ifndef CAMP_VM_STORE_TIMERS_H
#define CAMP_VM_STORE_TIMERS_H

#include "vm/base/heap.h"
#include "vm/base/map.h"

struct store;
struct timer_slots {   /* entries that are not rows yet */
    struct map64 rows; /* slot → 1 + index into slots */
    struct timer_slot {
        uint64_t number;
        uint64_t *entries; /* key << 20 | rest of the instant; NULL when it is empty or flushed */
        uint32_t count, room;
    } * slots;
    uint32_t count, room, flushed;
};
struct timers {
    struct store *store;
    struct timer_slots filling, flushing;
    uint64_t *near; /* of slot `near_slot`: rest << 44 | key, sorted */
    size_t near_at, near_count;
    uint64_t near_slot;
    uint64_t horizon; /* the first slot that is not read yet */
    uint64_t removed; /* slots before it have no rows */
    struct heap late; /* added to slots before the horizon */
    int64_t far_ms; /* the first instant behind the horizon; INT64_MAX none; INT64_MIN not known */
    struct timer *popped; /* by the open transaction */
    size_t popped_count, popped_room;
};

void timers_init(struct timers *timers, struct store *store);
void timers_free(struct timers *timers);
void timers_add(struct timers *timers, uint64_t key, int64_t at_ms);
/* The first entry, at or before to_ms; stays. STATUS_MISSING: there is none. */
enum status timers_first(struct timers *timers, int64_t to_ms, struct timer *timer);
/* Drops that entry, until a rollback. */
void timers_drop(struct timers *timers);
void timers_rollback(struct timers *timers);
/* Nothing is due before; INT64_MAX never. */
int64_t timers_next_ms(struct timers *timers);
/* That instant lies in a slot that is not read yet. */
bool timers_is_far(const struct timers *timers, int64_t at_ms);
/* In a commit: writes slots until `part` of `whole` of those that wait are rows, and removes rows
 * whose time is over. */
enum status timers_flush(struct timers *timers, uint64_t part, uint64_t whole);
/* A lap is over: what filled up is flushed in the next one. */
void timers_turn(struct timers *timers);

#endif
