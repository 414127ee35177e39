/* The simplest page allocator that mmtwin finds nothing wrong with: one byte a frame, searched from the bottom.
 *
 * A starting point: put your own allocator behind these functions. mmtwin_plugin.h says what each must do.
 */
#include <stdlib.h>
#include <string.h>

#include "mmtwin_plugin.h"

enum { FREE, USED, ABSENT };

struct allocator {
  const struct mmtwin_host *host;
  const struct mmtwin_machine *machine;
  uint8_t *state; /* by frame: FREE, USED, ABSENT */
};

static void *allocator_open(const struct mmtwin_host *host, const struct mmtwin_machine *machine) {
  struct allocator *all = calloc(1, sizeof *all);
  if (!all) return NULL;
  all->host = host;
  all->machine = machine;
  all->state = malloc(machine->frames);
  if (!all->state) {
    free(all);
    return NULL;
  }
  memset(all->state, ABSENT, machine->frames);
  for (uint32_t i = 0; i < machine->zone_count; ++i)
    memset(all->state + machine->zones[i].frames.first, FREE, machine->zones[i].frames.count);
  for (uint32_t i = 0; i < machine->absent_count; ++i)
    memset(all->state + machine->absent[i].first, ABSENT, machine->absent[i].count);
  return all;
}

static void allocator_close(void *self) {
  struct allocator *all = self;
  free(all->state);
  free(all);
}

static uint32_t highest_zone(uint32_t gfp) {
  if (gfp & MMTWIN_GFP_DMA) return MMTWIN_ZONE_DMA;
  if (gfp & MMTWIN_GFP_DMA32) return MMTWIN_ZONE_DMA32;
  return gfp & MMTWIN_GFP_MOVABLE ? MMTWIN_ZONE_MOVABLE : MMTWIN_ZONE_NORMAL;
}

/* The first of `block` free frames of the zone, at a multiple of their number. */
static uint64_t find(const struct allocator *all, const struct mmtwin_zone *zone, uint64_t block) {
  uint64_t end = zone->frames.first + zone->frames.count;
  uint64_t at = (zone->frames.first + block - 1) / block * block;
  for (; at + block <= end; at += block) {
    uint64_t run = 0;
    while (run < block && all->state[at + run] == FREE) ++run;
    if (run == block) return at;
  }
  return MMTWIN_REFUSED;
}

/* A block of a power of two, of which the first `pages` are kept. */
static uint64_t take(struct allocator *all, uint32_t cpu, uint64_t block, uint64_t pages, uint32_t gfp, int32_t node) {
  const struct mmtwin_machine *machine = all->machine;
  uint32_t home = node == MMTWIN_ANY_NODE ? machine->node_of_cpu[cpu] : (uint32_t)node;
  /* The node that is asked for, then any other. */
  for (int others = 0; others <= !(gfp & MMTWIN_GFP_THISNODE); ++others) {
    for (uint32_t i = machine->zone_count; i-- > 0;) {
      const struct mmtwin_zone *zone = &machine->zones[i];
      if (zone->kind > highest_zone(gfp) || (zone->node != home) != others) continue;
      uint64_t frame = find(all, zone, block);
      if (frame == MMTWIN_REFUSED) continue;
      memset(all->state + frame, USED, pages);
      if (gfp & MMTWIN_GFP_ZERO) memset(all->host->frame_bytes(frame), 0, pages * MMTWIN_PAGE_BYTES);
      return frame;
    }
  }
  return MMTWIN_REFUSED;
}

static uint64_t allocator_alloc(void *self, uint32_t cpu, uint32_t order, uint32_t gfp, int32_t node) {
  struct allocator *all = self;
  if (order > all->machine->top_order) return MMTWIN_REFUSED;
  return take(all, cpu, UINT64_C(1) << order, UINT64_C(1) << order, gfp, node);
}

static uint64_t allocator_alloc_exact(void *self, uint32_t cpu, uint64_t pages, uint32_t gfp, int32_t node) {
  struct allocator *all = self;
  uint64_t block = 1;
  while (block < pages) block *= 2;
  if (block > UINT64_C(1) << all->machine->top_order) return MMTWIN_REFUSED;
  return take(all, cpu, block, pages, gfp, node);
}

static void allocator_free_exact(void *self, uint32_t cpu, uint64_t frame, uint64_t pages) {
  struct allocator *all = self;
  (void)cpu;
  memset(all->state + frame, FREE, pages);
}

static void allocator_free(void *self, uint32_t cpu, uint64_t frame, uint32_t order) {
  allocator_free_exact(self, cpu, frame, UINT64_C(1) << order);
}

const struct mmtwin_plugin *mmtwin_plugin_table(uint32_t host_version) {
  static const struct mmtwin_plugin table = {
      .size = sizeof table,
      .version = MMTWIN_PLUGIN_VERSION,
      .name = "first fit",
      .overhead_per_1024 = 0,
      .open = allocator_open,
      .close = allocator_close,
      .pages_alloc = allocator_alloc,
      .pages_alloc_exact = allocator_alloc_exact,
      .pages_free = allocator_free,
      .pages_free_exact = allocator_free_exact,
  };
  return host_version >= MMTWIN_PLUGIN_VERSION ? &table : NULL;
}
