#include "tools/import/strace_calls.h"

#include <algorithm>
#include <map>
#include <string>

#include "lockstep/traces/recorded_play.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

using Outcome = StraceRecord::Outcome;
constexpr std::uint64_t kUserEnd = (std::uint64_t{1} << 47) - kPageBytes;
constexpr std::uint64_t kLowestAddress = 0x10000;  // vm.mmap_min_addr
constexpr std::uint64_t kHugeBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kStackGap = 256 * kPageBytes;

// What a program mapped before anybody looked: its own image, the loader, the stack.
constexpr std::string_view kUnseenFile = "(mapped by execve)";

// They map or unmap, and the machine has no words for where.
constexpr std::string_view kMovesMemoryUnseen[] = {"shmat", "shmdt", "remap_file_pages", "io_setup", "io_destroy",
                                                   "map_shadow_stack"};
bool moves_unseen(std::string_view call) {
  return std::find(std::begin(kMovesMemoryUnseen), std::end(kMovesMemoryUnseen), call) != std::end(kMovesMemoryUnseen);
}

constexpr std::string_view kNotSeen = "nobody saw it mapped", kGoneUnseen = "nobody saw it unmapped";

constexpr std::size_t kManyAreas = 30'000;  // vm.max_map_count may be near

// `end` wraps when a length is nonsense: nothing is inside then.
std::uint64_t end_of(std::uint64_t at, std::uint64_t length) {
  std::uint64_t rounded = page_up(length);
  return rounded < length || at + rounded < at ? at : at + rounded;
}

}  // namespace

bool CallImporter::concerns_memory(std::string_view call) {
  constexpr std::string_view kKnown[] = {"mmap", "munmap", "mprotect", "brk", "mremap"};
  return moves_unseen(call) || std::find(std::begin(kKnown), std::end(kKnown), call) != std::end(kKnown);
}

void CallImporter::take(const StraceRecord& r, TracedSpace& space, CpuId cpu,
                        const std::vector<const StraceRecord*>& beside) {
  cpu_ = cpu;
  if (moves_unseen(r.name)) space.shown = {};
  if (r.outcome == Outcome::kUnknown) {
    try {
      forget(space, concerned(r, space));
    } catch (const MalformedLog&) {  // its words may be cut off
      space.shown = {};
    }
    return counts_.count_ignored(r.name, "no answer");
  }
  forget_shared(r, space, beside);
  import_call(r, space);
  forget_shared(r, space, beside);
}

void CallImporter::import_call(const StraceRecord& r, TracedSpace& space) {
  if (r.name == "mmap") return import_mmap(r, space);
  if (r.name == "munmap") return import_munmap(r, space);
  if (r.name == "mprotect") return import_mprotect(r, space);
  if (r.name == "brk") return import_brk(r, space);
  counts_.count_ignored(r.name);
  if (r.name == "mremap" && r.outcome == Outcome::kDone) adopt_mremap(r, space);
}

CallImporter::Bytes CallImporter::concerned(const StraceRecord& r, const TracedSpace& space) const {
  constexpr Bytes kEverything{0, kUserEnd};
  if (moves_unseen(r.name) || r.arguments.size() < (r.name == "brk" ? 1 : 2)) return kEverything;
  if (r.name == "brk") {
    const std::uint64_t wanted = number(r, 0, "break"), brk = contract_.ranges(space.handle).brk();
    return {page_down(wanted == 0 ? brk : std::min(wanted, brk)), page_up(std::max({wanted, brk, r.value}))};
  }
  const bool is_placed = r.name == "munmap" || r.name == "mprotect" || r.outcome == Outcome::kFailed ||
                         (r.arguments.size() > 3 && r.arguments[3].find("MAP_FIXED") != std::string::npos);
  if (r.name == "mremap" || (!is_placed && r.outcome == Outcome::kUnknown)) return kEverything;
  const std::uint64_t at = is_placed ? number(r, 0, "address") : r.value;
  return {page_down(at), end_of(at, number(r, 1, "length"))};
}

void CallImporter::forget(TracedSpace& space, const Bytes& bytes) { space.shown.erase(bytes.start, bytes.end); }

void CallImporter::forget_shared(const StraceRecord& r, TracedSpace& space,
                                 const std::vector<const StraceRecord*>& beside) {
  if (beside.empty()) return;
  const Bytes own = concerned(r, space);
  for (const StraceRecord* other : beside) {
    const Bytes its = concerned(*other, space);
    forget(space, {std::max(own.start, its.start), std::min(own.end, its.end)});
  }
}

// A failure is imported if the machine can fail so, and, where other limits give the same error, if it has a reason to.
bool CallImporter::is_importable(const StraceRecord& r, bool is_explained) {
  if (r.outcome == Outcome::kDone) return true;
  auto refusal = refusal_of_errno(r.error);
  if (refusal == Refusal::kInvalid && may_be_invalid(r)) refusal.reset();
  if (refusal && (*refusal != Refusal::kNoMemory || is_explained)) return true;
  counts_.count_ignored(r.name, r.error);
  return false;
}

// For reasons that the machine does not have: words it does not know, a kind of mapping that it lacks, or a file, whose
// owner may refuse what it likes.
bool CallImporter::may_be_invalid(const StraceRecord& r) const {
  const auto knows_protection = [&] {
    for (const std::string_view word : split_flags(argument(r, 2)))
      if (word != "PROT_READ" && word != "PROT_WRITE" && word != "PROT_EXEC" && word != "PROT_NONE") return false;
    return true;
  };
  if (r.name == "mprotect") return !knows_protection();
  if (r.name != "mmap") return false;
  const std::string& flags = argument(r, 3);
  const bool is_anonymous = flags.find("MAP_ANONYMOUS") != std::string::npos;
  const bool has_kind = flags.find("MAP_PRIVATE") != std::string::npos || flags.find("MAP_SHARED") != std::string::npos;
  const bool has_offset = r.arguments.size() > 5 && number(r, 5, "offset") != 0;
  return !knows_protection() || !is_anonymous || !has_kind || has_offset ||
         flags.find("MAP_HUGETLB") != std::string::npos || flags.find("0x") != std::string::npos;
}

CallImporter::Mapping CallImporter::read_mapping(const StraceRecord& r) {
  static const std::map<std::string_view, MapFlags> kKnown = {{"MAP_PRIVATE", {}},
                                                              {"MAP_ANONYMOUS", {}},
                                                              {"MAP_FILE", {}},
                                                              {"MAP_SHARED", kMapShared},
                                                              {"MAP_SHARED_VALIDATE", kMapShared},
                                                              {"MAP_FIXED", kMapFixed},
                                                              {"MAP_STACK", kMapStack},
                                                              {"MAP_NORESERVE", kMapNoReserve},
                                                              {"MAP_FIXED_NOREPLACE", kMapFixed | kMapNoReplace}};
  Mapping m;
  bool is_anonymous = false;
  for (std::string_view word : split_flags(argument(r, 3))) {
    if (word == "MAP_GROWSDOWN" || word == "MAP_HUGETLB") m.is_known_kind = false;
    if (word == "MAP_ANONYMOUS") is_anonymous = true;
    if (auto known = kKnown.find(word); known != kKnown.end()) {
      m.flags = m.flags | known->second;
    } else {
      ++counts_.attributes["mmap " + std::string(word)];
    }
  }
  m.at = number(r, 0, "address");
  m.length = number(r, 1, "length");
  m.area.prot = protection(r, 2);
  m.area.flags = m.flags & (kMapShared | kMapNoReserve | kMapStack);
  if (!is_anonymous) {
    m.area.offset = number(r, 5, "offset");
    m.area.file = file_of(r, argument(r, 4));
  } else if (m.flags.has(kMapShared)) {
    auto own = writer_.own_file();
    if (!own) r.place.fail("more files than a program can name");
    m.area.file = *own;
  }
  return m;
}

// Makes the space such that the recorded answer is possible. False: the machine could not answer so; it was adopted.
bool CallImporter::prepare_place(const StraceRecord& r, TracedSpace& space, const Mapping& m) {
  const bool is_fixed = m.flags.has(kMapFixed);
  const std::uint64_t end = end_of(m.at, m.length);
  if (r.outcome == Outcome::kFailed) {
    const bool wants_neighbour = r.error == "EEXIST" && m.at % kPageBytes == 0 && end > m.at;
    if (wants_neighbour && mapped(space, m.at, end).empty()) {
      for (const auto& unseen : space.shown.holes(m.at, end)) {
        assume_holes(r, space, unseen.start, unseen.start + kPageBytes);
        break;
      }
    }
    return true;
  }
  if (!m.is_known_kind || r.value < kLowestAddress) {
    counts_.count_ignored(r.name, m.is_known_kind ? "below the lowest address" : argument(r, 3));
    assume(r, space, m.area, kNotJudged);
    return false;
  }
  if (is_fixed && !m.flags.has(kMapNoReplace)) return true;
  for (const Area& piece : mapped(space, m.area.start, m.area.end)) {
    if (!is_shown_mapped(space, piece.start, piece.end)) assume_gone(r, space, piece.start, piece.end, kGoneUnseen);
  }
  return true;
}

// The log shows the hint to be free, and the kernel answered elsewhere. (Files may have to be aligned, and what lies
// below a stack stays free.)
bool CallImporter::is_refused_its_hint(const StraceRecord& r, const TracedSpace& space, const Mapping& m) {
  const std::uint64_t hint = page_down(m.at), end = end_of(hint, m.length);
  if (m.at < kLowestAddress || hint == r.value || !m.area.is_private_anonymous() || end > kUserEnd) return false;
  const auto pieces = space.shown.inside(hint, end + kStackGap);
  return space.shown.holes(hint, end).empty() &&
         std::none_of(pieces.begin(), pieces.end(), [](const auto& piece) { return piece.value; });
}

void CallImporter::import_mmap(const StraceRecord& r, TracedSpace& space) {
  Mapping m = read_mapping(r);
  const bool is_done = r.outcome == Outcome::kDone;
  m.area.start = is_done ? r.value : m.at;
  m.area.end = end_of(m.area.start, m.length);
  if (m.area.is_private_anonymous()) m.area.offset = m.area.start;
  if (!is_importable(r, page_up(m.length) < m.length || m.length > kUserEnd)) return;
  if (!prepare_place(r, space, m)) return;
  // Where the kernel chose at random, its answer becomes the hint. A hint for a file that could have huge pages is only
  // taken where there is room to align it, so there the place is asked for outright; prepare_place made sure it is
  // free.
  const bool is_chosen = is_done && !m.flags.has(kMapFixed) && !is_refused_its_hint(r, space, m);
  const Place at{{}, is_chosen ? r.value : m.at};
  if (is_chosen && !m.area.is_private_anonymous() && m.length >= kHugeBytes)
    m.flags = m.flags | kMapFixed | kMapNoReplace;
  const Response answer = is_done ? Response{Refusal::kNone, r.value} : Response{*refusal_of_errno(r.error), 0};
  counts_.count_imported(r.name);
  if (m.area.is_private_anonymous()) {
    add(r, RangeMapAnon{cpu_, space.handle, at, ByteCount(m.length), m.area.prot, m.flags, {}}, answer);
  } else {
    add(r,
        RangeMapFile{cpu_, space.handle, at, ByteCount(m.length), m.area.prot, m.flags, m.area.file,
                     ByteCount(m.area.offset), {}},
        answer);
  }
  if (!is_done) return;
  space.shown.assign(m.area.start, m.area.end, true);
  touch(r, space, m.area);
}

void CallImporter::import_munmap(const StraceRecord& r, TracedSpace& space) {
  const std::uint64_t at = number(r, 0, "address"), length = number(r, 1, "length");
  if (!is_importable(r, false)) return;
  const bool is_done = r.outcome == Outcome::kDone;
  counts_.count_imported(r.name);
  add(r, RangeUnmap{cpu_, space.handle, Place{{}, at}, ByteCount(length)},
      {is_done ? Refusal::kNone : *refusal_of_errno(r.error), 0});
  if (is_done) space.shown.assign(at, end_of(at, length), false);
}

void CallImporter::import_mprotect(const StraceRecord& r, TracedSpace& space) {
  const std::uint64_t at = number(r, 0, "address"), length = number(r, 1, "length"), end = end_of(at, length);
  const Prot prot = protection(r, 2);
  // Without a hole a limit has refused it: of ranges, or of memory for what may be written from now on.
  const bool has_hole = end <= at || !holes(space, at, end).empty();
  const bool has_many = contract_.ranges(space.handle).all().size() > kManyAreas;
  const bool may_meet_limit = prot.has(kProtWrite) || has_many || !is_shown_mapped(space, at, end);
  if (!is_importable(r, has_hole || !may_meet_limit)) return;
  const bool is_done = r.outcome == Outcome::kDone;
  if (is_done) assume_holes(r, space, at, end);
  const std::vector<Area> before = is_done ? mapped(space, at, end) : std::vector<Area>();
  counts_.count_imported(r.name);
  add(r, RangeProtect{cpu_, space.handle, Place{{}, at}, ByteCount(length), prot},
      {is_done ? Refusal::kNone : *refusal_of_errno(r.error), 0});
  for (Area piece : before) {
    const bool becomes_writable = prot.has(kProtWrite) && !piece.prot.has(kProtWrite);
    piece.prot = prot;
    if (becomes_writable) touch(r, space, piece);
  }
}

void CallImporter::import_brk(const StraceRecord& r, TracedSpace& space) {
  const std::uint64_t wanted = number(r, 0, "break"), brk = contract_.ranges(space.handle).brk();
  const std::uint64_t old_end = page_up(brk), new_end = page_up(r.value);
  if (r.outcome == Outcome::kFailed) return counts_.count_ignored(r.name, r.error);
  const bool is_refused = wanted > brk && r.value < wanted;
  const bool is_in_the_way = !mapped(space, old_end, page_up(wanted) + kPageBytes + kStackGap).empty();
  if (is_refused && wanted <= kUserEnd && !is_in_the_way) {
    return counts_.count_ignored(r.name, "refused by a limit that the machine lacks");
  }
  counts_.count_imported(r.name);
  add(r, RangeBrk{cpu_, space.handle, Place{{}, wanted}}, {Refusal::kNone, r.value});
  if (new_end < old_end) space.shown.assign(new_end, old_end, false);
  if (new_end <= old_end) return;
  space.shown.assign(old_end, new_end, true);
  touch(r, space, {old_end, new_end, kProtRead | kProtWrite, {}, {}, old_end});
}

// Growth adds to the last piece, a move takes all along; what stays behind is gone.
void CallImporter::adopt_mremap(const StraceRecord& r, TracedSpace& space) {
  const std::uint64_t from = number(r, 0, "address"), to = r.value;
  const std::uint64_t old_length = page_up(number(r, 1, "old length"));
  const std::uint64_t new_length = page_up(number(r, 2, "new length"));
  const bool keeps_old = argument(r, 3).find("MREMAP_DONTUNMAP") != std::string::npos || old_length == 0;
  if (end_of(to, new_length) == to || from + old_length < from) return;
  std::vector<Area> pieces = mapped(space, from, from + std::max(old_length, kPageBytes));
  if (pieces.empty()) pieces.push_back(unseen(r, from, from + new_length));
  if (!keeps_old && (to != from || new_length < old_length)) {
    assume_gone(r, space, to == from ? to + new_length : from, from + old_length, kNotJudged);
  }
  pieces.back().end = std::max(pieces.back().end, from + new_length);
  for (Area piece : pieces) {
    const bool is_unchanged = to == from && piece.end <= from + old_length;
    piece.end = std::min(to + (piece.end - from), to + new_length);
    piece.start = to + (piece.start - from);
    if (piece.start < piece.end && !is_unchanged) assume(r, space, piece, kNotJudged);
  }
}

// What execve made, or something else before anybody looked.
Area CallImporter::unseen(const StraceRecord& r, std::uint64_t start, std::uint64_t end) {
  return {start, end, kProtRead | kProtWrite, {}, file_of(r, kUnseenFile), start};
}

void CallImporter::assume(const StraceRecord& r, TracedSpace& space, Area area, std::string_view why) {
  area.end = std::min(page_up(area.end), kUserEnd);
  if (area.start >= area.end) return;
  SpaceAssume step = range_gone(cpu_, space.handle, area.start, area.end);
  step.prot = area.prot;
  step.flags = area.flags;
  step.file = area.file;
  step.offset = ByteCount(area.offset);
  step.gone = Switch(0);
  add(r, step);
  writer_.assumed(why);
  ++counts_.additions["assumed"];
  space.shown.assign(area.start, area.end, true);
}

std::vector<Area> CallImporter::mapped(const TracedSpace& space, std::uint64_t start, std::uint64_t end) const {
  std::vector<Area> found;
  const auto& all = contract_.ranges(space.handle).all();
  auto next = all.upper_bound(start);
  if (next != all.begin()) --next;
  for (; next != all.end() && next->first < end; ++next) {
    const model::Range& range = next->second;
    const std::uint64_t from = std::max(start, range.start), to = std::min(end, range.end);
    if (from < to)
      found.push_back({from, to, range.prot, range.flags, FileId(range.file), range.offset + (from - range.start)});
  }
  return found;
}

std::vector<Area> CallImporter::holes(const TracedSpace& space, std::uint64_t start, std::uint64_t end) const {
  std::vector<Area> found;
  for (const Area& piece : mapped(space, start, end)) {
    if (start < piece.start) found.push_back({start, piece.start, {}, {}, {}});
    start = piece.end;
  }
  if (start < end) found.push_back({start, end, {}, {}, {}});
  return found;
}

bool CallImporter::is_shown_mapped(const TracedSpace& space, std::uint64_t start, std::uint64_t end) {
  const auto pieces = space.shown.inside(start, end);
  return space.shown.holes(start, end).empty() &&
         std::all_of(pieces.begin(), pieces.end(), [](const auto& piece) { return piece.value; });
}

void CallImporter::assume_gone(const StraceRecord& r, TracedSpace& space, std::uint64_t start, std::uint64_t end,
                               std::string_view why) {
  for (const Area& piece : mapped(space, start, end)) {
    add(r, range_gone(cpu_, space.handle, piece.start, piece.end));
    writer_.assumed(why);
    ++counts_.additions["assumed"];
  }
  space.shown.assign(start, end, false);
}

void CallImporter::assume_holes(const StraceRecord& r, TracedSpace& space, std::uint64_t start, std::uint64_t end) {
  if (start % kPageBytes != 0 || end > kUserEnd) return;
  for (const Area& hole : holes(space, start, end)) {
    for (const auto& piece : space.shown.holes(hole.start, hole.end))
      assume(r, space, unseen(r, piece.start, piece.end), kNotSeen);
  }
}

void CallImporter::touch(const StraceRecord& r, const TracedSpace& space, const Area& area) {
  if (!adds_accesses_ || area.start >= area.end || area.prot.empty()) return;
  if (area.is_private_anonymous() && area.prot.has(kProtWrite)) {
    store(r, space.handle, cpu_, area.start);
    if (area.end - area.start > kPageBytes) store(r, space.handle, cpu_, area.end - kPageBytes);
    return;
  }
  add(r, MemoryLoad{.cpu = cpu_, .space = space.handle, .at = Place{{}, area.start}});
  ++counts_.additions["loads"];
}

void CallImporter::store(const StraceRecord& r, SpaceHandle space, CpuId cpu, std::uint64_t at) {
  add(r,
      MemoryStore{.cpu = cpu, .space = space, .at = Place{{}, at}, .width = Width(1), .value = Value(++stores_ % 256)});
  ++counts_.additions["stores"];
}

void CallImporter::touch_after_fork(const TracedSpace& parent, CpuId parent_cpu, const TracedSpace& child,
                                    CpuId child_cpu) {
  if (!adds_accesses_) return;
  for (const auto& [start, piece] : contract_.ranges(child.handle).all()) {
    if (piece.file != 0 || !piece.prot.has(kProtWrite)) continue;
    static const StraceRecord kNowhere;
    store(kNowhere, child.handle, child_cpu, piece.start);
    // Next to the byte that was stored: the recording answers 0 to every load.
    add(kNowhere, MemoryLoad{.cpu = parent_cpu, .space = parent.handle, .at = Place{{}, piece.start + 8}});
    ++counts_.additions["loads"];
    return;
  }
}

void CallImporter::add(const StraceRecord& record, const Operation& operation) {
  if (!writer_.add(operation)) record.place.fail("the program is too long");
  lockstep::play_answered(contract_, operation, nullptr);
}

void CallImporter::add(const StraceRecord& record, const Operation& operation, const Response& answer) {
  if (!writer_.add(operation)) record.place.fail("the program is too long");
  writer_.answered(answer);
  lockstep::play_answered(contract_, operation, &answer);
}

Prot CallImporter::protection(const StraceRecord& r, std::size_t n) {
  Prot prot;
  for (std::string_view word : split_flags(argument(r, n))) {
    if (word == "PROT_READ") {
      prot = prot | kProtRead;
    } else if (word == "PROT_WRITE") {
      prot = prot | kProtWrite;
    } else if (word == "PROT_EXEC") {
      prot = prot | kProtExec;
    } else if (word != "PROT_NONE") {
      if (!word.starts_with("PROT_") && !word.starts_with("0x")) r.place.fail("not a protection: " + in_quotes(word));
      ++counts_.attributes[r.name + " " + std::string(word)];
    }
  }
  return prot;
}

std::uint64_t CallImporter::number(const StraceRecord& r, std::size_t n, std::string_view what) const {
  const std::string& text = argument(r, n);
  if (text == "NULL") return 0;
  LineCursor at(text, r.place.line_number());
  std::uint64_t value = at.number(std::string(what) + " of " + r.name);
  at.expect_end();
  return value;
}

const std::string& CallImporter::argument(const StraceRecord& r, std::size_t n) const {
  if (n >= r.arguments.size()) r.place.fail(mentioned(r.name, kQuotedBytes) + " has too few arguments");
  return r.arguments[n];
}

// "3<libc.so.6>" names the file; a bare descriptor (no -y) may be any file, so it is one of its own.
FileId CallImporter::file_of(const StraceRecord& r, std::string_view descriptor) {
  std::size_t open = descriptor.find('<');
  bool is_bare = open == descriptor.npos && descriptor != kUnseenFile;
  auto file =
      is_bare ? writer_.own_file() : writer_.file(open == descriptor.npos ? descriptor : descriptor.substr(open));
  if (!file) r.place.fail("more files than a program can name");
  return *file;
}

}  // namespace mmtwin::tools
