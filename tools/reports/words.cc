#include "tools/reports/words.h"

#include <fmt/core.h>

#include <array>

#include "vocab/activities.h"
#include "vocab/operations.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

std::string node_words(NodeId node) { return node == kAnyNode ? "" : fmt::format(" on node {}", node.raw()); }

std::string place(const Place& at) {
  if (at.base.is_none()) return fmt::format("{:#x}", at.offset);
  return at.offset == 0 ? fmt::format("a{}", at.base.number()) : fmt::format("a{}+{:#x}", at.base.number(), at.offset);
}

template <class Tag>
std::string flag_words(Flags<Tag> flags, const char* none) {
  std::string words;
  for (unsigned bit = 0; bit < std::size(Tag::kNames); ++bit) {
    if ((flags.bits() >> bit & 1) == 0) continue;
    words += (words.empty() ? "" : " ") + std::string(Tag::kNames[bit]);
  }
  return words.empty() ? none : words;
}

std::string rights(Prot prot) {
  std::string words;
  for (unsigned bit = 0; bit < kProtBits; ++bit) words += (prot.bits() >> bit & 1) != 0 ? ProtTag::kNames[bit] : "-";
  return words;
}

std::string extent(const Place& at, ByteCount length) {
  return fmt::format("{:#x} bytes at {}", length.raw(), place(at));
}

std::string where(const Place& at, MapFlags flags) {
  if (flags.has(kMapNoReplace)) return place(at) + " (nothing may be there)";
  if (flags.has(kMapFixed)) return place(at) + " (whatever is there goes)";
  return at == Place{} ? "wherever it fits" : place(at) + " if that is free";
}

// One sentence an operation; the compiler says when one is missing.
std::string say(const PagesAlloc& o) {
  return fmt::format("asks for a block of order {} ({}){}, flags: {}", o.order.raw(),
                     counted(pages_in(o.order).raw(), "frame"),
                     node_words(o.node), flag_words<GfpTag>(o.gfp, "none"));
}
std::string say(const PagesAllocExact& o) {
  return fmt::format("asks for exactly {} in a row{}, flags: {}", counted(o.pages.raw(), "frame"), node_words(o.node),
                     flag_words<GfpTag>(o.gfp, "none"));
}
std::string say(const PagesFree& o) { return fmt::format("gives back block b{}", o.block.number()); }
std::string say(const PagesDrainCpu& o) { return fmt::format("empties the page lists of CPU {}", o.target.raw()); }
std::string say(const SpaceCreate& o) { return fmt::format("makes a new address space p{}", o.result.number()); }
std::string say(const SpaceFork& o) {
  return fmt::format("forks p{}: the child is p{}", o.space.number(), o.result.number());
}
std::string say(const SpaceExit& o) { return fmt::format("ends p{}", o.space.number()); }
std::string say(const SpaceAssume& o) {
  if (o.gone.raw() != 0)
    return fmt::format("adopts a recording: p{} maps nothing in {}", o.space.number(), extent(o.at, o.length));
  return fmt::format("adopts a recording: p{} maps {} with rights {}", o.space.number(), extent(o.at, o.length),
                     rights(o.prot));
}
std::string say(const RangeMapAnon& o) {
  return fmt::format("p{} maps {:#x} bytes of anonymous memory, rights {}, {}", o.space.number(), o.length.raw(),
                     rights(o.prot), where(o.at, o.flags));
}
std::string say(const RangeMapFile& o) {
  return fmt::format("p{} maps {:#x} bytes of file {} from {:#x} on, {}, rights {}, {}", o.space.number(),
                     o.length.raw(), o.file.raw(), o.offset.raw(), o.flags.has(kMapShared) ? "shared" : "private",
                     rights(o.prot), where(o.at, o.flags));
}
std::string say(const RangeUnmap& o) { return fmt::format("p{} unmaps {}", o.space.number(), extent(o.at, o.length)); }
std::string say(const RangeProtect& o) {
  return fmt::format("p{} changes the rights of {} to {}", o.space.number(), extent(o.at, o.length), rights(o.prot));
}
std::string say(const RangeBrk& o) {
  if (o.at.value() == Place{}) return fmt::format("p{} asks where its heap ends", o.space.number());
  return fmt::format("p{} moves the end of its heap to {}", o.space.number(), place(o.at));
}
std::string say(const MemoryLoad& o) {
  return fmt::format("p{} reads {} at {}", o.space.number(), counted(o.width.raw(), "byte"), place(o.at));
}
std::string say(const MemoryStore& o) {
  return fmt::format("p{} writes {} at {}: {:#x}", o.space.number(), counted(o.width.raw(), "byte"), place(o.at),
                     o.value.raw());
}
std::string say(const MemoryFetch& o) {
  return fmt::format("p{} executes {} at {}", o.space.number(), counted(o.width.raw(), "byte"), place(o.at));
}
std::string say(const CpuSwitchSpace& o) {
  return o.space.is_none() ? "goes idle (lazy TLB)" : fmt::format("switches to p{}", o.space.number());
}
std::string say(const CpuFlushPage& o) { return fmt::format("drops what it cached for the page at {}", place(o.at)); }
std::string say(const CpuFlushSpace&) { return "drops all that it cached for its space"; }
std::string say(const CpuSpeculate& o) { return fmt::format("walks ahead to {}", place(o.at)); }
std::string say(const CpuEvict& o) {
  return fmt::format("loses the cached translation of {} for want of room", place(o.at));
}
std::string say(const Resume& o) {
  return o.first.raw() != 0 ? "goes on with what began first there" : "goes on with what began last there";
}
std::string say(const SlabShrink&) { return "gives back every slab frame without objects"; }
std::string say(const FailNext& o) {
  return o.n.raw() == 0 ? "no request will fail any more"
                        : fmt::format("request number {} from here on will fail", o.n.raw());
}

const char* access_name(std::uint8_t access) {
  static constexpr std::array<const char*, 3> kNames = {"load", "store", "fetch"};
  return access < kNames.size() ? kNames[access] : "access";
}

std::string table_words(const Event& e) {
  return fmt::format("entry {} of table {:#x}: {:#x} becomes {:#x}", e.index, e.frame.raw(), e.before, e.after);
}

std::string cache_words(const Event& e) {
  bool is_known = e.place < kCacheNames.size();
  return is_known ? std::string(kCacheNames[e.place]) : fmt::format("cache {}", e.place);
}

// Events about frames, tables and requests; empty: another kind.
std::string memory_event(const Event& e) {
  switch (e.kind) {
    case EventKind::kFrameTaken:
      return fmt::format("takes frame {:#x}, order {}", e.frame.raw(), e.order.raw());
    case EventKind::kFrameReturned:
      return fmt::format("gives back frame {:#x}, order {}", e.frame.raw(), e.order.raw());
    case EventKind::kFrameZeroed:
      return fmt::format("zeroes frame {:#x}", e.frame.raw());
    case EventKind::kFrameCopied:
      return fmt::format("copies frame {:#x} to frame {:#x}", e.place, e.frame.raw());
    case EventKind::kTableStore:
      return "stores " + table_words(e);
    case EventKind::kTableMark:
      return "the walk marks " + table_words(e);
    case EventKind::kPageRequested:
      return fmt::format("wants a page for role {}, order {}", name_of(e.role), e.order.raw());
    case EventKind::kPageRefused:
      return "gets no page";
    case EventKind::kObjectRequested:
      return "wants an object of cache " + cache_words(e);
    case EventKind::kObjectRefused:
      return "gets no object";
    case EventKind::kObjectReturned:
      return "gives back an object of cache " + cache_words(e);
    case EventKind::kListFilled:
      return fmt::format("frame {:#x} goes to the page list of CPU {}", e.frame.raw(), e.index);
    case EventKind::kListDrained:
      return fmt::format("frame {:#x} leaves the page list of CPU {}", e.frame.raw(), e.index);
    case EventKind::kSpaceKilled:
      return fmt::format("the space with root table {:#x} is killed for want of memory", e.frame.raw());
    case EventKind::kFailureInjected:
      return "the request is made to fail";
    default:
      return {};
  }
}

// Events of foreign systems may say anything.
template <std::size_t size>
std::string name_in(const std::array<std::string_view, size>& names, std::size_t number) {
  return number < size ? std::string(names[number]) : std::to_string(number);
}

std::string translation_event(const Event& e) {
  switch (e.kind) {
    case EventKind::kSpaceLoaded:
      return fmt::format("loads root table {:#x} as ASID {}{}", e.frame.raw(), e.index,
                         e.after != 0 ? ", flushed" : "");
    case EventKind::kSpaceUnloaded:
      return "runs no user code from here on";
    case EventKind::kTlbFilled:
      return fmt::format("TLB slot {} now holds page {:#x} -> {:#x}", e.index, e.place, e.after);
    case EventKind::kTlbUsed:
      return fmt::format("a {} of page {:#x} uses TLB slot {}", access_name(e.access), e.place, e.index);
    case EventKind::kTlbDropped:
      return fmt::format("TLB slot {} is emptied", e.index);
    case EventKind::kWalkCacheFilled:
      return fmt::format("walk cache level {} slot {} now leads to table {:#x}", e.level, e.index, e.frame.raw());
    case EventKind::kWalkCacheUsed:
      return fmt::format("the walk starts from walk cache level {} slot {}", e.level, e.index);
    case EventKind::kWalkCacheDropped:
      return fmt::format("walk cache level {} slot {} is emptied", e.level, e.index);
    case EventKind::kInterrupted:
      return fmt::format("interrupts CPU {}", e.index);
    case EventKind::kInterruptSent:
      return fmt::format("asks CPU {} to take an interrupt: {}", e.index, name_in(kReasonNames, e.level));
    case EventKind::kInterruptAnswered:
      return fmt::format("hears that CPU {} is done", e.index);
    case EventKind::kFaulted:
      return fmt::format("faults: no translation permits a {} of page {:#x}", access_name(e.access), e.place);
    case EventKind::kLockTaken:
      return fmt::format("takes the {} lock of {:#x}", name_in(kLockNames, e.index), e.place);
    case EventKind::kLockReleased:
      return fmt::format("releases the {} lock of {:#x}", name_in(kLockNames, e.index), e.place);
    case EventKind::kCommitted:
      return fmt::format("has done what counts: {}", name_of(static_cast<Refusal>(e.index)));
    case EventKind::kActivityBegun:
      return fmt::format("begins: {}", name_in(kActivityNames, e.index));
    case EventKind::kActivityEnded:
      return fmt::format("is done: {}", name_in(kActivityNames, e.index));
    case EventKind::kWentOn:
      return fmt::format("goes on with step {}", e.place);
    case EventKind::kEnded:
      return fmt::format("ends step {}", e.place);
    case EventKind::kStuck:
      return fmt::format("will never end step {}: {}", e.place,
                         e.index == 0 ? "it waits in a circle" : "it goes round");
    default:
      return std::string(name_of(e.kind));
  }
}

bool answers_with_value(const Operation& operation) {
  return std::visit([]<class Op>(const Op&) { return answers<Op>() != Answers::kNothing; }, operation);
}

}  // namespace

std::string in_words(const Operation& operation) {
  const Pause pause = pause_of(operation);
  const std::string until =
      pause.is_none() ? "" : fmt::format(", up to passing {} of {}", unsigned{pause.nth}, name_of(pause.point));
  return fmt::format("CPU {} {}{}", cpu_of(operation).raw(),
                     std::visit([](const auto& o) { return say(o); }, operation), until);
}

std::string in_words(const Event& event) {
  std::string words = memory_event(event);
  return fmt::format("CPU {} {}", event.cpu.raw(), words.empty() ? translation_event(event) : words);
}

std::string in_words(const Operation& operation, const Response& response) {
  if (response.refusal != Refusal::kNone) return fmt::format("refused: {}", name_of(response.refusal));
  return answers_with_value(operation) ? fmt::format("done: {:#x}", response.value) : "done";
}

std::string maps_line(const RangeObservation& range) {
  const bool is_file = range.file != FileId(0);
  const std::string line =
      fmt::format("{:08x}-{:08x} {}{} {:08x}", range.start.raw(), range.end.raw(), rights(range.prot),
                  range.flags.has(kMapShared) ? 's' : 'p', is_file ? range.offset : 0);
  return is_file ? fmt::format("{} file {}", line, range.file.raw()) : line;
}

}  // namespace mmtwin::tools
