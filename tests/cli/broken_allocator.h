// A page allocator that is right but for one thing, chosen by a macro. Compiled as C by tests/cli/test_plugin.py.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define mmtwin_plugin_table good_table
#include "first_fit.c"
#undef mmtwin_plugin_table

#ifdef SCRIBBLES
/* Over all memory that it shares with others. */
static void scribble(void) {
  char line[512], rights[8];
  unsigned long from, to;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && rights[1] == 'w' && rights[3] == 's')
      memset((void *)from, FILL, to - from);
  fclose(maps);
}
#endif

static void before_alloc(uint32_t order) {
  (void)order;
#ifdef CRASHES
  if (order == 1) raise(SIGSEGV);
#endif
#ifdef LEAVES
  if (order == 1) _exit(3);
#endif
#ifdef HANGS
  while (order == 1) continue;
#endif
#ifdef STOPS
  if (order == 1 && raise(SIGSTOP) == 0) kill(getppid(), SIGKILL);
#endif
#ifdef FORKS
  if (order == 1 && fork() >= 0) _exit(4);
#endif
#ifdef LOSES_ITS_WAY
  if (order == 1)
    for (int fd = 0; fd < 1024; ++fd) close(fd);
  while (order == 1) pause();
#endif
#ifdef SCRIBBLES
  if (order == 1) scribble();
#endif
#ifdef RUNS_AWAY
  while (order == 1) memset(malloc(1 << 20), 1, 1 << 20);
#endif
}

static uint64_t broken_alloc(void *self, uint32_t cpu, uint32_t order, uint32_t gfp, int32_t node) {
  struct allocator *all = self;
  uint64_t frame;
  (void)all;
  before_alloc(order);
#ifdef REFUSES
  if (order == 0 && cpu == 0) return MMTWIN_REFUSED;
#endif
#ifdef NOT_ZERO
  gfp &= ~MMTWIN_GFP_ZERO;
#endif
#ifdef WRONG_ZONE
  gfp = gfp & ~MMTWIN_GFP_DMA;
#endif
  frame = allocator_alloc(self, cpu, order, gfp, node);
#ifdef OUTSIDE
  if (frame == MMTWIN_REFUSED) return UINT64_C(1) << 60;
#endif
#ifdef BEYOND
  if (order == 1) memset(all->host->frame_bytes(all->machine->frames), 1, 4096);
#endif
#ifdef NEVER_REFUSES
  if (frame == MMTWIN_REFUSED) return all->machine->zones[0].frames.first;
#endif
  return frame;
}

static void broken_free(void *self, uint32_t cpu, uint64_t frame, uint32_t order) {
  struct allocator *all = self;
#ifdef LEAKS
  if (order == 1) return;
#endif
#ifdef OVERWRITES
  /* As if it kept a link in the neighbour. */
  uint64_t other = frame ^ (UINT64_C(1) << order);
  if (other < all->machine->frames) memcpy(all->host->frame_bytes(other), &frame, sizeof frame);
#endif
#ifdef FREES_TOO_MUCH
  if (order == 2 && frame + 5 < all->machine->frames && all->state[frame + 4] == USED) all->state[frame + 4] = FREE;
#endif
  (void)all;
  allocator_free(self, cpu, frame, order);
}

#ifdef WITHHOLDS
static void *withholding_open(const struct mmtwin_host *host, const struct mmtwin_machine *machine) {
  struct allocator *all = allocator_open(host, machine);
  for (uint64_t frame = 0; frame < machine->frames; frame += 4) all->state[frame] = ABSENT;
  return all;
}
#endif

#ifdef REMEMBERS
static unsigned opened; /* of all programs that its process ran */
static void *broken_open(const struct mmtwin_host *host, const struct mmtwin_machine *machine) {
  if (++opened == 40) abort();
  return allocator_open(host, machine);
}
#endif

const struct mmtwin_plugin *mmtwin_plugin_table(uint32_t host_version) {
  static struct mmtwin_plugin table;
  table = *good_table(host_version);
  table.pages_alloc = broken_alloc;
  table.pages_free = broken_free;
#ifdef REMEMBERS
  table.open = broken_open;
#endif
#ifdef WITHHOLDS
  table.open = withholding_open;
#endif
#ifdef NEWER
  table.version = 2;
#endif
#ifdef LAVISH
  table.overhead_per_1024 = 65;
#endif
#ifdef HALF
  table.pages_free = NULL;
#endif
#ifdef SMALL
  table.size = 8;
#endif
#ifdef CLOSED
  table.open = NULL;
#endif
#ifdef NOTHING
  return NULL;
#endif
#ifdef DIES_LOADING
  abort();
#endif
  return &table;
}
