/* The interface between mmtwin and a page allocator that somebody else wrote.
 *
 * A plug-in is a shared library that exports one function, mmtwin_plugin_table(). It answers a table of functions;
 * those that give and free blocks come in pairs, of which one pair is needed, and all others but open() may be NULL:
 * operations that need a missing one are not run. Programs run in a process of their own; a crash, a hang or an endless
 * allocation there is a verdict with its trace.
 *
 * What is judged: blocks are disjoint, aligned to their size, in a zone that the request may have, made of frames that
 * exist; bytes of blocks in use stay as their owner left them, and are zero where that was asked for; a single frame is
 * refused only when memory may be short; when all blocks are given back, as many frames can be taken as at the start.
 * What is not: the order in which zones are tried, locks, slow paths. docs/PLUGINS.md says more.
 *
 * Versions only append: functions to the tables, fields to the structures. `size` says how much of one there is.
 */
#ifndef MMTWIN_PLUGIN_H
#define MMTWIN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MMTWIN_PLUGIN_VERSION 1u

#define MMTWIN_PAGE_BYTES 4096u
#define MMTWIN_MAX_ORDER 10u
/* Instead of a frame: there is no memory for it. */
#define MMTWIN_REFUSED UINT64_MAX
/* As `node` of a request: that of its CPU, then the others. */
#define MMTWIN_ANY_NODE (-1)

/* Zones, in the order of their addresses. */
#define MMTWIN_ZONE_DMA 0u
#define MMTWIN_ZONE_DMA32 1u
#define MMTWIN_ZONE_NORMAL 2u
#define MMTWIN_ZONE_MOVABLE 3u

/* What a request may do. It may have its highest zone and all below: DMA for GFP_DMA, DMA32 for GFP_DMA32, MOVABLE for
 * GFP_MOVABLE, else NORMAL. */
#define MMTWIN_GFP_DMA 1u
#define MMTWIN_GFP_WAIT 2u     /* it may sleep */
#define MMTWIN_GFP_HIGH 4u     /* it may use part of the reserve */
#define MMTWIN_GFP_NOFAIL 8u   /* it may use all of the reserve, and is refused only when there is nothing */
#define MMTWIN_GFP_THISNODE 16u /* no other node will do */
#define MMTWIN_GFP_ZERO 32u    /* all bytes are zero */
#define MMTWIN_GFP_DMA32 64u
#define MMTWIN_GFP_MOVABLE 128u

/* Frames first, first + 1, ... first + count - 1. */
struct mmtwin_span {
  uint64_t first, count;
};

struct mmtwin_zone {
  uint32_t node; /* 0 to nodes - 1 */
  uint32_t kind; /* MMTWIN_ZONE_... */
  struct mmtwin_span frames;
};

struct mmtwin_machine {
  size_t size; /* of this structure, as the host knows it */
  uint32_t cpus, nodes;
  uint64_t frames;        /* one past the highest frame */
  uint32_t top_order;     /* of the largest blocks; a request for more is refused */
  uint32_t watermark_min; /* frames a zone, kept for requests with HIGH or NOFAIL */
  uint32_t lowmem_ratio;  /* a zone also keeps the frames of its node's higher zones / ratio from requests that might
                             have had those; 0: none */
  uint32_t zone_count;
  const struct mmtwin_zone *zones;
  const struct mmtwin_span *absent; /* frames inside zones that do not exist or may not be handed out */
  uint32_t absent_count;
  const uint8_t *node_of_cpu; /* [cpus] */
  const uint8_t *distance;    /* [nodes * nodes], from * nodes + to; 10 is local */
};

/* What the host does for the plug-in. */
struct mmtwin_host {
  size_t size;
  /* The 4096 bytes of a frame, those of following frames behind them. Free frames may hold whatever the plug-in puts
   * there. */
  uint8_t *(*frame_bytes)(uint64_t frame);
};

struct mmtwin_plugin {
  size_t size;      /* sizeof(struct mmtwin_plugin) when the plug-in was compiled */
  uint32_t version; /* MMTWIN_PLUGIN_VERSION then */
  const char *name;
  /* Of 1024 frames of a zone, how many the allocator may need for itself or keep in caches of other CPUs while it
   * refuses one; at most 64. The smaller, the tighter refusals are judged. */
  uint32_t overhead_per_1024;

  /* An allocator in which every frame of the machine is free; NULL: it cannot run such a machine. `host` and
   * `machine` stay valid until it is closed. */
  void *(*open)(const struct mmtwin_host *host, const struct mmtwin_machine *machine);
  void (*close)(void *self);

  /* The first of 2^order frames, aligned to their number; MMTWIN_REFUSED. */
  uint64_t (*pages_alloc)(void *self, uint32_t cpu, uint32_t order, uint32_t gfp, int32_t node);
  /* The first of `pages` (1 to 1024) frames in a row: the beginning of a block of a power of two, as pages_alloc()
   * gives them, whose tail goes back at once. */
  uint64_t (*pages_alloc_exact)(void *self, uint32_t cpu, uint64_t pages, uint32_t gfp, int32_t node);
  /* What pages_alloc() answered, and the order that was asked for. */
  void (*pages_free)(void *self, uint32_t cpu, uint64_t frame, uint32_t order);
  void (*pages_free_exact)(void *self, uint32_t cpu, uint64_t frame, uint64_t pages);
  /* Nothing stays in caches of CPU `target`. */
  void (*pages_drain)(void *self, uint32_t cpu, uint32_t target);

  /* Later versions append, in this order:
   *   free_blocks(self, tell, context)            what is free, for laws about free blocks
   *   cached(self, cpu)                           frames in that CPU's caches
   *   space_create, space_destroy, map, unmap, protect, translate, access
   *                                               page tables, with frames from two more services of the host
   *                                               (frame_alloc, frame_free) and flush(cpu, space, from, to)
   *   malloc, calloc, realloc, aligned_alloc, free, usable_size
   */
};

/* Exported by the plug-in. NULL: it cannot serve a host of that version. */
const struct mmtwin_plugin *mmtwin_plugin_table(uint32_t host_version);

#ifdef __cplusplus
}
#endif

#endif
