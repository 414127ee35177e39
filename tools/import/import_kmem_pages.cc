#include "tools/import/import_kmem_pages.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "tools/import/address_map.h"
#include "tools/import/log_scanner.h"
#include "tools/import/program_writer.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

constexpr std::uint64_t kDmaFrames = 4096;                         // ZONE_DMA of a PC: 16 MiB
constexpr std::uint64_t kDma32Frames = std::uint64_t{1} << 20;      // ZONE_DMA32: 4 GiB
constexpr std::uint64_t kMaxFrameNumber = std::uint64_t{1} << 24;  // 64 GiB; a larger number is no frame of such a log
constexpr std::uint64_t kFramesAtLeast = 65536;

struct PageEvent {
  LineCursor place;
  unsigned cpu = 0;
  char kind = 'A';  // Allocated, Freed, freed in a Batch
  std::uint64_t frame = 0;
  unsigned order = 0;
  std::string_view gfp;
};

PageEvent read_event(LineCursor at) {
  PageEvent event;
  event.place = at;
  at.decimal("time in microseconds");
  at.expect(" c");
  event.cpu = static_cast<unsigned>(std::min<std::uint64_t>(at.decimal("CPU"), 1u << 16));
  at.expect(" t");
  at.decimal("task");
  at.skip_spaces();
  event.kind = at.peek();
  if (event.kind != 'A' && event.kind != 'F' && event.kind != 'B')
    at.fail("expected A, F or B, not " + in_quotes(at.rest()));
  at.word("kind of event");
  event.frame = at.number("frame number");
  if (event.frame > kMaxFrameNumber) event.place.fail("the frame number is beyond 64 GiB");
  at.expect(" o");
  std::uint64_t order = at.decimal("order");
  if (order > kMaxOrder) at.fail("the order is above " + std::to_string(kMaxOrder));
  event.order = static_cast<unsigned>(order);
  if (event.kind == 'A') {
    at.expect(" m");
    at.decimal("migrate type");
    event.gfp = at.word("allocation flags");
  }
  at.expect_end();
  return event;
}

// What the names mean to the machine. GFP_KERNEL and its kin may sleep and reclaim; see Linux
// Documentation/core-api/memory-allocation.rst and include/linux/gfp_types.h.
Gfp gfp_named(std::string_view name, bool& is_known) {
  static const std::map<std::string_view, Gfp> kNames = {{"GFP_KERNEL", kGfpWait},
                                                         {"GFP_KERNEL_ACCOUNT", kGfpWait},
                                                         {"GFP_NOFS", kGfpWait},
                                                         {"GFP_NOIO", kGfpWait},
                                                         {"GFP_USER", kGfpWait},
                                                         {"GFP_HIGHUSER", kGfpWait},
                                                         {"GFP_HIGHUSER_MOVABLE", kGfpWait},
                                                         {"GFP_TRANSHUGE", kGfpWait},
                                                         {"GFP_ATOMIC", kGfpHigh},
                                                         {"GFP_NOWAIT", {}},
                                                         {"GFP_DMA", kGfpDma},
                                                         {"GFP_DMA32", kGfpDma32},
                                                         {"__GFP_DMA32", kGfpDma32},
                                                         {"__GFP_DMA", kGfpDma},
                                                         {"__GFP_HIGH", kGfpHigh},
                                                         {"__GFP_NOFAIL", kGfpNofail},
                                                         {"__GFP_THISNODE", kGfpThisNode},
                                                         {"__GFP_ZERO", kGfpZero},
                                                         {"__GFP_RECLAIM", kGfpWait},
                                                         {"__GFP_DIRECT_RECLAIM", kGfpWait}};
  auto found = kNames.find(name);
  is_known = found != kNames.end();
  return is_known ? found->second : Gfp{};
}

class Importer {
 public:
  explicit Importer(Imported& into) : program_(into.program), counts_(into.counts), writer_(into.program) {}

  void run(std::string_view text) {
    LogLines lines(text);
    LineCursor at;
    while (lines.next(at)) {
      if (at.peek() == '#') continue;
      take(read_event(at));
      is_empty_ = false;
    }
    if (is_empty_) throw MalformedLog(1, 1, "the log holds no event");
    describe_machine();
  }

 private:
  struct Live {
    unsigned order = 0;
    BlockHandle block;
  };
  using LiveBlocks = std::map<std::uint64_t, Live>;  // by first frame

  void take(const PageEvent& event);
  void allocate(const PageEvent& event);
  void release(const PageEvent& event);
  void free_block(const PageEvent& event, LiveBlocks::iterator block);
  void end_pieces(const PageEvent& event, std::uint64_t end);
  // The live block around or beyond `frame`, if it begins before `end`.
  LiveBlocks::iterator live_in(std::uint64_t frame, std::uint64_t end);
  Gfp gfp_of(std::string_view words);
  CpuId cpu_of(unsigned cpu) {
    cpu %= kMaxCpus;
    cpus_ = std::max(cpus_, cpu + 1);
    return CpuId(cpu);
  }
  void add(const PageEvent& event, const Operation& operation) {
    if (!writer_.add(operation)) event.place.fail("the program is too long");
  }
  void describe_machine();

  Program& program_;
  ImportCounts& counts_;
  ProgramWriter writer_;
  LiveBlocks live_;
  std::set<std::uint64_t> freed_;  // single frames whose F was seen, awaiting their B
  AddressMap<bool> pieces_;        // frames of live blocks that were freed without the rest
  std::uint64_t frame_limit_ = kFramesAtLeast;
  unsigned cpus_ = 1;
  bool is_empty_ = true;
};

void Importer::take(const PageEvent& event) {
  writer_.at_line(event.place.line_number());
  frame_limit_ = std::max(frame_limit_, event.frame + (std::uint64_t{1} << event.order));
  if (event.kind == 'A') return allocate(event);
  release(event);
}

Importer::LiveBlocks::iterator Importer::live_in(std::uint64_t frame, std::uint64_t end) {
  auto found = live_.upper_bound(frame);
  if (found != live_.begin()) {
    auto before = std::prev(found);
    if (before->first + (std::uint64_t{1} << before->second.order) > frame) return before;
  }
  return found != live_.end() && found->first < end ? found : live_.end();
}

void Importer::free_block(const PageEvent& event, LiveBlocks::iterator block) {
  add(event, PagesFree{.cpu = cpu_of(event.cpu), .block = block->second.block});
  writer_.block_is_gone(block->second.block);
  pieces_.erase(block->first, block->first + (std::uint64_t{1} << block->second.order));
  live_.erase(block);
}

// A block that is handed out again though the log says of some of its frames that they are not free stays, and the
// contract judges what came next.
void Importer::end_pieces(const PageEvent& event, std::uint64_t end) {
  for (std::uint64_t from = event.frame; from < end;) {
    const auto old = live_in(from, end);
    if (old == live_.end()) return;
    const std::uint64_t old_end = old->first + (std::uint64_t{1} << old->second.order);
    const std::uint64_t begin = std::max(old->first, event.frame);
    from = old_end;
    if (!pieces_.holes(begin, std::min(old_end, end)).empty()) continue;
    free_block(event, old);
    writer_.assumed("freed in pieces, all of which nobody saw");
    ++counts_.additions["free not seen"];
  }
}

void Importer::allocate(const PageEvent& event) {
  // The trace point prints frame 0 when there was nothing to give; why is not in the log. Some requests never fail.
  if (event.frame == 0 && !gfp_of(event.gfp).has(kGfpNofail)) return counts_.count_ignored("A", "refused");
  std::uint64_t end = event.frame + (std::uint64_t{1} << event.order);
  end_pieces(event, end);
  auto block = writer_.new_block();
  if (!block) return counts_.count_ignored("A", "more blocks than a program can name");
  add(event, PagesAlloc{.cpu = cpu_of(event.cpu),
                        .order = Order(event.order),
                        .gfp = gfp_of(event.gfp),
                        .node = NodeId(0),
                        .result = {Fresh<'b'>(block->number())}});
  counts_.count_imported("A");
  if (event.frame == 0) {
    writer_.block_is_gone(*block);
    return writer_.answered({Refusal::kOom, 0});
  }
  writer_.answered({Refusal::kNone, event.frame});
  live_[event.frame] = {event.order, *block};
  freed_.erase(event.frame);
}

void Importer::release(const PageEvent& event) {
  std::string_view name = event.kind == 'F' ? "F" : "B";
  auto block = live_in(event.frame, event.frame + 1);
  if (block == live_.end()) {
    if (event.kind == 'B' && freed_.erase(event.frame) != 0) {
      return counts_.count_ignored(name, "reported by F already");
    }
    if (event.kind == 'F' && event.order == 0) freed_.insert(event.frame);
    return counts_.count_ignored(name, "allocation not seen");
  }
  if (block->first != event.frame || block->second.order != event.order) {
    pieces_.assign(event.frame, event.frame + (std::uint64_t{1} << event.order), true);
    return counts_.count_ignored(name, "part of a block");
  }
  free_block(event, block);
  writer_.answered({});
  if (event.kind == 'F' && event.order == 0) freed_.insert(event.frame);
  counts_.count_imported(name);
}

Gfp Importer::gfp_of(std::string_view words) {
  Gfp gfp;
  while (!words.empty()) {
    std::string_view word = words.substr(0, words.find('|'));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    bool is_known = false;
    gfp = gfp | gfp_named(word, is_known);
    if (!is_known) ++counts_.attributes[std::string(word)];
  }
  return gfp;
}

// The frames of the log's machine up to the highest one seen, a whole number of the largest blocks.
void Importer::describe_machine() {
  std::uint64_t largest_block = std::uint64_t{1} << kMaxOrder;
  std::uint64_t frames = (frame_limit_ + 2 * largest_block - 1) / largest_block * largest_block;
  program_.machine = recording_machine(frames, cpus_);
  program_.machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(kDmaFrames)};
  const std::uint64_t low = std::min(frames, kDma32Frames);
  program_.machine.node[0].zone(ZoneKind::kDma32) = {Pfn(kDmaFrames), PageCount(low - kDmaFrames)};
  program_.machine.node[0].zone(ZoneKind::kNormal) = {Pfn(frames > low ? low : 0), PageCount(frames - low)};
}

}  // namespace

ImportResult import_kmem_pages(std::string_view text, std::string_view file) {
  ImportResult result;
  try {
    Importer(result.imported.emplace()).run(text);
  } catch (const MalformedLog& problem) {
    result.imported.reset();
    result.problem = problem.print(file);
  }
  return result;
}

}  // namespace mmtwin::tools
