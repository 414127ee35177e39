/* A binary buddy allocator under mmtwin's judge. Compiled with -DMERGES_ACROSS_ZONES it forgets, when it merges two
 * buddies, to ask whether they lie in one zone: a bug that needs a zone whose end is no multiple of a large block.
 */
#include <stdlib.h>
#include <string.h>

#include "mmtwin_plugin.h"

#define NONE UINT32_MAX
#define NOT_FREE 0xff
#define MAX_ZONES 16

struct link {
  uint32_t next, before;
};

struct zone {
  struct mmtwin_zone is;
  uint32_t head[MMTWIN_MAX_ORDER + 1]; /* of the free blocks of each order */
};

struct buddy {
  const struct mmtwin_host *host;
  const struct mmtwin_machine *machine;
  struct zone zones[MAX_ZONES];
  uint32_t zone_count;
  uint8_t *order;     /* by frame: that of the free block which begins there, NOT_FREE */
  struct link *links; /* by frame, of free blocks */
};

static struct zone *zone_of(struct buddy *buddy, uint64_t frame) {
  for (uint32_t i = 0; i < buddy->zone_count; ++i) {
    struct zone *zone = &buddy->zones[i];
    if (frame >= zone->is.frames.first && frame - zone->is.frames.first < zone->is.frames.count) return zone;
  }
  return NULL;
}

static void push(struct buddy *buddy, struct zone *zone, uint32_t frame, uint32_t order) {
  uint32_t *head = &zone->head[order];
  buddy->links[frame] = (struct link){.next = *head, .before = NONE};
  if (*head != NONE) buddy->links[*head].before = frame;
  *head = frame;
  buddy->order[frame] = (uint8_t)order;
}

static void pull(struct buddy *buddy, struct zone *zone, uint32_t frame, uint32_t order) {
  struct link link = buddy->links[frame];
  if (link.before == NONE) zone->head[order] = link.next;
  else buddy->links[link.before].next = link.next;
  if (link.next != NONE) buddy->links[link.next].before = link.before;
  buddy->order[frame] = NOT_FREE;
}

static void give_back(struct buddy *buddy, uint64_t frame, uint32_t order) {
  struct zone *zone = zone_of(buddy, frame);
  while (order < buddy->machine->top_order) {
    uint64_t other = frame ^ (UINT64_C(1) << order);
    struct zone *its = zone_of(buddy, other);
    if (!its || buddy->order[other] != order) break;
#ifndef MERGES_ACROSS_ZONES
    if (its != zone) break;
#endif
    pull(buddy, its, (uint32_t)other, order);
    if (other < frame) frame = other;
    ++order;
  }
  push(buddy, zone, (uint32_t)frame, order);
}

static int is_absent(const struct mmtwin_machine *machine, uint64_t frame) {
  for (uint32_t i = 0; i < machine->absent_count; ++i)
    if (frame >= machine->absent[i].first && frame - machine->absent[i].first < machine->absent[i].count) return 1;
  return 0;
}

static void buddy_close(void *self) {
  struct buddy *buddy = self;
  free(buddy->order);
  free(buddy->links);
  free(buddy);
}

static void *buddy_open(const struct mmtwin_host *host, const struct mmtwin_machine *machine) {
  struct buddy *buddy;
  if (machine->frames >= NONE || machine->zone_count > MAX_ZONES) return NULL;
  buddy = calloc(1, sizeof *buddy);
  if (!buddy) return NULL;
  buddy->host = host;
  buddy->machine = machine;
  buddy->zone_count = machine->zone_count;
  buddy->order = malloc(machine->frames);
  buddy->links = malloc(machine->frames * sizeof *buddy->links);
  if (!buddy->order || !buddy->links) {
    buddy_close(buddy);
    return NULL;
  }
  memset(buddy->order, NOT_FREE, machine->frames);
  for (uint32_t i = 0; i < buddy->zone_count; ++i) {
    buddy->zones[i].is = machine->zones[i];
    for (uint32_t order = 0; order <= MMTWIN_MAX_ORDER; ++order) buddy->zones[i].head[order] = NONE;
  }
  for (uint32_t i = 0; i < buddy->zone_count; ++i) {
    struct mmtwin_span frames = machine->zones[i].frames;
    for (uint64_t frame = frames.first; frame < frames.first + frames.count; ++frame)
      if (!is_absent(machine, frame)) give_back(buddy, frame, 0);
  }
  return buddy;
}

static uint32_t highest_zone(uint32_t gfp) {
  if (gfp & MMTWIN_GFP_DMA) return MMTWIN_ZONE_DMA;
  if (gfp & MMTWIN_GFP_DMA32) return MMTWIN_ZONE_DMA32;
  return gfp & MMTWIN_GFP_MOVABLE ? MMTWIN_ZONE_MOVABLE : MMTWIN_ZONE_NORMAL;
}

static uint64_t take_from(struct buddy *buddy, struct zone *zone, uint32_t wanted) {
  uint32_t order = wanted, frame;
  while (order <= buddy->machine->top_order && zone->head[order] == NONE) ++order;
  if (order > buddy->machine->top_order) return MMTWIN_REFUSED;
  frame = zone->head[order];
  pull(buddy, zone, frame, order);
  while (order > wanted) {
    --order;
    push(buddy, zone, frame + (UINT32_C(1) << order), order);
  }
  return frame;
}

static uint64_t buddy_alloc(void *self, uint32_t cpu, uint32_t order, uint32_t gfp, int32_t node) {
  struct buddy *buddy = self;
  uint32_t home = node == MMTWIN_ANY_NODE ? buddy->machine->node_of_cpu[cpu] : (uint32_t)node;
  /* The node that is asked for, then any other; in each the highest zone first. */
  for (int others = 0; others <= !(gfp & MMTWIN_GFP_THISNODE); ++others) {
    for (uint32_t kind = highest_zone(gfp) + 1; kind-- > 0;) {
      for (uint32_t i = 0; i < buddy->zone_count; ++i) {
        struct zone *zone = &buddy->zones[i];
        uint64_t frame;
        if (zone->is.kind != kind || (zone->is.node != home) != others) continue;
        frame = take_from(buddy, zone, order);
        if (frame == MMTWIN_REFUSED) continue;
        if (gfp & MMTWIN_GFP_ZERO)
          memset(buddy->host->frame_bytes(frame), 0, (size_t)MMTWIN_PAGE_BYTES << order);
        return frame;
      }
    }
  }
  return MMTWIN_REFUSED;
}

static void buddy_free(void *self, uint32_t cpu, uint64_t frame, uint32_t order) {
  (void)cpu;
  give_back(self, frame, order);
}

const struct mmtwin_plugin *mmtwin_plugin_table(uint32_t host_version) {
  static const struct mmtwin_plugin table = {
      .size = sizeof table,
      .version = MMTWIN_PLUGIN_VERSION,
      .name = "buddy",
      .overhead_per_1024 = 0,
      .open = buddy_open,
      .close = buddy_close,
      .pages_alloc = buddy_alloc,
      .pages_free = buddy_free,
  };
  return host_version >= MMTWIN_PLUGIN_VERSION ? &table : NULL;
}
