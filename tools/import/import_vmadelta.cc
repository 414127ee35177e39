#include "tools/import/import_vmadelta.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tools/import/address_map.h"
#include "tools/import/program_writer.h"
#include "tools/import/touches.h"
#include "tools/import/vmadelta_records.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

constexpr std::uint64_t kFrames = 65536;
constexpr std::uint64_t kUserEnd = (std::uint64_t{1} << 47) - kPageBytes;
constexpr std::uint64_t kTop = 0x7ffff7fff000;     // mmap_base of a process without address randomisation
constexpr std::uint64_t kLowestAddress = 0x10000;  // vm.mmap_min_addr
constexpr std::uint64_t kStackGap = 256 * kPageBytes;
constexpr std::size_t kMostRanges = 65000;  // beyond, vm.max_map_count may be the reason of a refusal
constexpr std::uint64_t kHugeBytes = std::uint64_t{2} << 20;

// What /proc/PID/maps does not show of a range but its merging depends on.
struct Hidden {
  MapFlags flags;           // noreserve, stack
  FileId own_file;          // shared anonymous memory is a file of its own
  std::uint64_t shift = 0;  // anonymous: offset minus address (memory that mremap moved keeps its offset)
};

struct RecordedSpace {
  SpaceHandle handle;
  std::uint64_t made_at = 0;  // step
  unsigned tasks = 1;
  std::map<std::uint64_t, ListedRange> list;  // by start
  AddressMap<Hidden> hidden;
};

class Importer {
 public:
  explicit Importer(Imported& into) : into_(into), counts_(into.counts), writer_(into.program) {
    into.program.machine = recording_machine(kFrames, 1);
  }

  void run(const std::vector<DeltaRecord>& records) {
    learn_breaks(records);
    for (const DeltaRecord& record : records) {
      record_ = &record;
      writer_.at_line(record.place.line_number());
      take(record);
    }
    explain_by_touches(into_, beyond_);
  }

 private:
  void take(const DeltaRecord& r);
  void exec(const DeltaRecord& r);
  void leave(std::uint64_t task);
  void fork(const DeltaRecord& r);
  void share(const DeltaRecord& r);
  void call(const DeltaRecord& r, RecordedSpace& space);
  bool import_mmap(const DeltaRecord& r, RecordedSpace& space);
  bool import_brk(const DeltaRecord& r, RecordedSpace& space);
  bool import_munmap(const DeltaRecord& r, RecordedSpace& space);
  bool import_mprotect(const DeltaRecord& r, RecordedSpace& space);
  void note_mremap(const DeltaRecord& r, RecordedSpace& space);

  void learn_breaks(const std::vector<DeltaRecord>& records);
  void apply_changes(const DeltaRecord& r, RecordedSpace& space);
  void adopt(const DeltaRecord& r, RecordedSpace& space);
  void assume(RecordedSpace& space, const ListedRange& range);
  RangeObservation observed(const RecordedSpace& space, const ListedRange& range);
  std::vector<RangeObservation> whole_list(const RecordedSpace& space);
  FileId file_of(const ListedRange& range, const Hidden& hidden);
  std::optional<MapFlags> map_flags(std::string_view words, bool& is_anonymous);

  RecordedSpace& space_of(const DeltaRecord& r);
  void add(const Operation& operation);
  bool answer(const DeltaRecord& r, std::uint64_t value_if_done);
  const Argument& argument(const DeltaRecord& r, std::size_t n) const;
  std::uint64_t hex(const DeltaRecord& r, std::size_t n, std::string_view what) const;
  Prot protection(const DeltaRecord& r, std::size_t n) const;
  bool is_importable(const DeltaRecord& r, bool is_explained);
  static bool is_mapped(const RecordedSpace& space, std::uint64_t from, std::uint64_t to);
  static bool has_hole(const RecordedSpace& space, std::uint64_t from, std::uint64_t to);
  template <class T>
  T need(std::optional<T> value, std::string_view what) const {
    if (!value) record_->place.fail("more " + std::string(what) + " than a program can name");
    return *value;
  }

  Imported& into_;
  ImportCounts& counts_;
  ProgramWriter writer_;
  std::set<std::uint64_t> beyond_;                        // steps that made spaces with calls that the machine lacks
  std::map<std::uint64_t, RecordedSpace> spaces_;         // by M number
  std::map<std::uint64_t, std::uint64_t> space_of_task_;  // P number to M number
  std::map<const DeltaRecord*, std::uint64_t> break_;     // exec record to the first break of its space
  const DeltaRecord* record_ = nullptr;
};

// A space's heap starts at its first answer to brk(0), which comes after the space was made.
void Importer::learn_breaks(const std::vector<DeltaRecord>& records) {
  std::map<std::uint64_t, const DeltaRecord*> maker;
  for (const DeltaRecord& r : records) {
    if (r.call == "exec") {
      maker[r.space] = &r;
    } else if (r.call == "brk" && !r.failed && maker.contains(r.space)) {
      break_.emplace(maker[r.space], page_up(r.result));
    }
  }
}

void Importer::take(const DeltaRecord& r) {
  if (r.call == "exec") return exec(r);
  if (r.call == "exited") {
    if (!space_of_task_.contains(r.task)) return counts_.count_ignored("exit", "task not seen");
    counts_.count_imported("exit");
    return leave(r.task);
  }
  RecordedSpace& space = space_of(r);
  if (r.call == "fork" && r.child_task != 0) return fork(r);
  if (r.call == "clone_vm" && r.child_task != 0) return share(r);
  call(r, space);
}

void Importer::exec(const DeltaRecord& r) {
  if (r.space == 0) r.place.fail("exec needs the number of the new memory map (M1, M2, ...)");
  if (spaces_.contains(r.space)) r.place.fail("memory map M" + std::to_string(r.space) + " is in use already");
  leave(r.task);
  RecordedSpace& space = spaces_[r.space];
  space.handle = need(writer_.new_space(), "address spaces");
  space_of_task_[r.task] = r.space;
  auto known = break_.find(&r);
  Address brk(known == break_.end() ? 0 : known->second);
  add(SpaceCreate{.cpu = {}, .brk = brk, .top = Address(kTop), .result = {Fresh<'p'>(space.handle.number())}});
  space.made_at = into_.program.operations.size();
  counts_.count_imported("exec");
  apply_changes(r, space);
  for (const auto& [start, range] : space.list) {
    assume(space, range);
    writer_.answered({});
  }
  writer_.expect(whole_list(space));
}

void Importer::leave(std::uint64_t task) {
  auto used = space_of_task_.find(task);
  if (used == space_of_task_.end()) return;
  auto space = spaces_.find(used->second);
  space_of_task_.erase(used);
  if (--space->second.tasks != 0) return;
  add(SpaceExit{.cpu = {}, .space = space->second.handle});
  writer_.answered({});
  writer_.space_is_gone(space->second.handle);
  spaces_.erase(space);
}

void Importer::fork(const DeltaRecord& r) {
  RecordedSpace& parent = space_of(r);
  if (spaces_.contains(r.child_space))
    r.place.fail("memory map M" + std::to_string(r.child_space) + " is in use already");
  SpaceHandle handle = need(writer_.new_space(), "address spaces");
  add(SpaceFork{.cpu = {}, .space = parent.handle, .result = {Fresh<'p'>(handle.number())}});
  std::uint64_t made_at = into_.program.operations.size();
  writer_.answered({});
  apply_changes(r, parent);
  writer_.expect(whole_list(parent));
  RecordedSpace child = parent;
  child.handle = handle;
  child.tasks = 1;
  if (beyond_.contains(child.made_at)) beyond_.insert(made_at);
  child.made_at = made_at;
  leave(r.child_task);
  spaces_.emplace(r.child_space, std::move(child));
  space_of_task_[r.child_task] = r.child_space;
  counts_.count_imported("fork");
}

void Importer::share(const DeltaRecord& r) {
  RecordedSpace& space = space_of(r);
  if (r.child_space != r.space) r.place.fail("clone_vm shares the memory map, the child names another");
  ++space.tasks;
  leave(r.child_task);
  space_of_task_[r.child_task] = r.space;
  counts_.count_imported("clone_vm");
  if (!r.gone.empty() || !r.added.empty()) adopt(r, space);
}

void Importer::call(const DeltaRecord& r, RecordedSpace& space) {
  bool imported = r.call == "mmap"       ? import_mmap(r, space)
                  : r.call == "brk"      ? import_brk(r, space)
                  : r.call == "munmap"   ? import_munmap(r, space)
                  : r.call == "mprotect" ? import_mprotect(r, space)
                                         : false;
  if (!imported) {
    bool is_known = r.call == "mmap" || r.call == "brk" || r.call == "munmap" || r.call == "mprotect";
    if (r.call == "implicit") {
      ++counts_.additions["implicit"];
    } else if (!is_known) {
      counts_.count_ignored(r.call);
    }
    if (r.call == "mremap") note_mremap(r, space);
    return adopt(r, space);
  }
  apply_changes(r, space);
  writer_.expect(whole_list(space));
}

// nullopt: the mapping has a property that the machine does not know and that changes how ranges merge.
std::optional<MapFlags> Importer::map_flags(std::string_view words, bool& is_anonymous) {
  static const std::set<std::string_view> kUnknownKinds = {"LOCKED", "GROWSDOWN", "HUGETLB", "DROPPABLE", "32BIT"};
  static const std::map<std::string_view, MapFlags> kKnown = {{"PRIVATE", {}},
                                                              {"ANON", {}},
                                                              {"SHARED", kMapShared},
                                                              {"SHARED_VALIDATE", kMapShared},
                                                              {"FIXED", kMapFixed},
                                                              {"STACK", kMapStack},
                                                              {"NORESERVE", kMapNoReserve},
                                                              {"NOREPLACE", kMapFixed | kMapNoReplace},
                                                              {"FIXED_NOREPLACE", kMapFixed | kMapNoReplace}};
  MapFlags flags;
  while (!words.empty()) {
    std::string_view word = words.substr(0, words.find('|'));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    if (kUnknownKinds.contains(word)) {
      counts_.count_ignored("mmap", word);
      return std::nullopt;
    }
    if (word == "ANON") is_anonymous = true;
    if (auto known = kKnown.find(word); known != kKnown.end()) {
      flags = flags | known->second;
    } else {
      ++counts_.attributes["mmap " + std::string(word)];
    }
  }
  return flags;
}

bool Importer::import_mmap(const DeltaRecord& r, RecordedSpace& space) {
  bool is_anonymous = false;
  auto flags = map_flags(argument(r, 3).text, is_anonymous);
  if (!flags) return false;
  std::uint64_t at = hex(r, 0, "address"), length = hex(r, 1, "length"), offset = hex(r, 5, "offset");
  Prot prot = protection(r, 2);
  Hidden hidden{*flags & (kMapNoReserve | kMapStack), {}, 0};
  bool is_file = !is_anonymous || flags->has(kMapShared);
  FileId file;
  if (is_file && !is_anonymous) {
    std::string_view name = argument(r, 4).text;
    file = need(writer_.file(name.substr(0, name.find(':'))), "files");
  } else if (is_file) {
    hidden.own_file = file = need(writer_.own_file(), "files");
    // Linux aligns file mappings for huge pages, but shared anonymous memory only when shmem huge pages are on.
    if (at == 0 && length >= kHugeBytes && !r.failed) at = r.result;
    offset = 0;
  }
  bool is_too_large = page_up(length) < length || length > kUserEnd;
  if (!is_importable(r, is_too_large || space.list.size() > kMostRanges)) return false;
  if (!r.failed && r.result < kLowestAddress) {
    counts_.count_ignored(r.call, "below the lowest address");
    return false;
  }
  if (is_file) {
    add(RangeMapFile{.cpu = {},
                     .space = space.handle,
                     .at = Place{{}, at},
                     .length = ByteCount(length),
                     .prot = prot,
                     .flags = *flags,
                     .file = file,
                     .offset = ByteCount(offset),
                     .result = {}});
  } else {
    add(RangeMapAnon{.cpu = {},
                     .space = space.handle,
                     .at = Place{{}, at},
                     .length = ByteCount(length),
                     .prot = prot,
                     .flags = *flags,
                     .result = {}});
  }
  if (!r.failed) space.hidden.assign(r.result, r.result + page_up(length), hidden);
  return answer(r, r.result);
}

bool Importer::import_brk(const DeltaRecord& r, RecordedSpace& space) {
  std::uint64_t wanted = hex(r, 0, "break");
  if (r.failed) {
    counts_.count_ignored(r.call, "error " + std::to_string(r.result));
    return false;
  }
  bool is_refused = wanted > r.result;
  bool is_explained =
      wanted > kUserEnd || is_mapped(space, page_up(r.result), page_up(wanted) + kPageBytes + kStackGap);
  if (is_refused && r.result != 0 && !is_explained) {
    counts_.count_ignored(r.call, "refused by a limit that the machine lacks");
    return false;
  }
  add(RangeBrk{.cpu = {}, .space = space.handle, .at = Place{{}, wanted}});
  return answer(r, r.result);
}

bool Importer::import_munmap(const DeltaRecord& r, RecordedSpace& space) {
  std::uint64_t at = hex(r, 0, "address"), length = hex(r, 1, "length");
  if (!is_importable(r, space.list.size() > kMostRanges)) return false;
  add(RangeUnmap{.cpu = {}, .space = space.handle, .at = Place{{}, at}, .length = ByteCount(length)});
  if (!r.failed) space.hidden.erase(at, at + page_up(length));
  return answer(r, 0);
}

bool Importer::import_mprotect(const DeltaRecord& r, RecordedSpace& space) {
  std::uint64_t at = hex(r, 0, "address"), length = hex(r, 1, "length");
  Prot prot = protection(r, 2);
  // Without a hole a limit has refused it: of ranges, or of memory for what may be written from now on.
  const bool may_meet_limit = prot.has(kProtWrite) || space.list.size() > kMostRanges;
  if (!is_importable(r, has_hole(space, at, at + page_up(length)) || !may_meet_limit)) return false;
  add(RangeProtect{.cpu = {}, .space = space.handle, .at = Place{{}, at}, .length = ByteCount(length), .prot = prot});
  return answer(r, 0);
}

// Memory that moves keeps its hidden attributes, and its offset if it was ever written: programs grow what they use.
void Importer::note_mremap(const DeltaRecord& r, RecordedSpace& space) {
  if (r.failed || r.arguments.size() < 3) return;
  std::uint64_t from = hex(r, 0, "address"), old_length = page_up(hex(r, 1, "old length"));
  std::uint64_t new_length = page_up(hex(r, 2, "new length")), to = r.result;
  const Hidden* found = space.hidden.find(from);
  Hidden hidden = found ? *found : Hidden{};
  hidden.shift += from - to;
  space.hidden.erase(from, from + old_length);
  space.hidden.assign(to, to + new_length, hidden);
}

void Importer::apply_changes(const DeltaRecord& r, RecordedSpace& space) {
  for (const ListedRange& range : r.gone) {
    auto found = space.list.find(range.start);
    if (found == space.list.end() || found->second.end != range.end) {
      r.place.fail("a range goes that was not in the list of M" + std::to_string(r.space));
    }
    space.list.erase(found);
  }
  for (const ListedRange& range : r.added) {
    // The vsyscall page is the kernel's own: no process has it in its list.
    if (range.end > kUserEnd + kPageBytes) continue;
    if (is_mapped(space, range.start, range.end))
      r.place.fail("a new range overlaps one in the list of M" + std::to_string(r.space));
    space.list.emplace(range.start, range);
  }
}

// What a call that the machine lacks made of the list, as operations.
void Importer::adopt(const DeltaRecord& r, RecordedSpace& space) {
  if (r.gone.empty() && r.added.empty()) return;
  beyond_.insert(space.made_at);
  apply_changes(r, space);
  AddressMap<bool> left;
  for (const ListedRange& range : r.gone) left.assign(range.start, range.end, true);
  for (const ListedRange& range : r.added) left.erase(range.start, range.end);
  for (const auto& hole : left.all()) {
    add(range_gone(CpuId(0), space.handle, hole.start, hole.end));
    writer_.assumed(kNotJudged);
    ++counts_.additions["assumed"];
  }
  for (const ListedRange& range : r.added) {
    if (!space.list.contains(range.start)) continue;
    assume(space, range);
    writer_.assumed(kNotJudged);
    ++counts_.additions["assumed"];
  }
  writer_.expect(whole_list(space));
}

void Importer::assume(RecordedSpace& space, const ListedRange& range) {
  RangeObservation seen = observed(space, range);
  add(SpaceAssume{.cpu = {},
                  .space = space.handle,
                  .at = Place{{}, range.start},
                  .length = ByteCount(range.end - range.start),
                  .prot = seen.prot,
                  .flags = seen.flags,
                  .file = seen.file,
                  .offset = ByteCount(seen.offset),
                  .gone = {}});
}

// Special mappings ([vdso] and the like) never merge with anything: each name is a file of its own.
FileId Importer::file_of(const ListedRange& range, const Hidden& hidden) {
  if (range.shared && hidden.own_file != FileId(0)) return hidden.own_file;
  bool is_anonymous =
      range.name == "-" || range.name == "[heap]" || range.name == "[stack]" || range.name.starts_with("[anon");
  if (is_anonymous && !range.shared) return FileId(0);
  return need(writer_.file(range.name), "files");
}

RangeObservation Importer::observed(const RecordedSpace& space, const ListedRange& range) {
  const Hidden* found = space.hidden.find(range.start);
  Hidden hidden = found ? *found : Hidden{};
  RangeObservation seen;
  seen.start = Address(range.start);
  seen.end = Address(range.end);
  seen.prot = range.prot;
  seen.flags = (range.shared ? kMapShared : MapFlags{}) | hidden.flags;
  seen.file = file_of(range, hidden);
  bool is_private = !range.shared;
  seen.accounted = is_private && range.prot.has(kProtWrite) && !hidden.flags.has(kMapNoReserve);
  seen.offset = seen.file == FileId(0) ? range.start + hidden.shift : range.offset;
  return seen;
}

std::vector<RangeObservation> Importer::whole_list(const RecordedSpace& space) {
  std::vector<RangeObservation> list;
  list.reserve(space.list.size());
  for (const auto& [start, range] : space.list) list.push_back(observed(space, range));
  return list;
}

RecordedSpace& Importer::space_of(const DeltaRecord& r) {
  auto found = spaces_.find(r.space);
  if (found == spaces_.end()) r.place.fail("memory map M" + std::to_string(r.space) + " was not seen before");
  return found->second;
}

void Importer::add(const Operation& operation) {
  if (!writer_.add(operation)) record_->place.fail("the program is too long");
}

// A failure is imported if the machine can fail so, and, where other limits give the same error, if it has a reason to.
bool Importer::is_importable(const DeltaRecord& r, bool is_explained) {
  if (!r.failed) return true;
  auto refusal = refusal_of_errno(r.result);
  if (refusal && (*refusal != Refusal::kNoMemory || is_explained)) return true;
  counts_.count_ignored(r.call, "error " + std::to_string(r.result));
  return false;
}

bool Importer::is_mapped(const RecordedSpace& space, std::uint64_t from, std::uint64_t to) {
  auto above = space.list.upper_bound(from);
  if (above != space.list.begin() && std::prev(above)->second.end > from) return true;
  return above != space.list.end() && above->first < to;
}

bool Importer::has_hole(const RecordedSpace& space, std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    auto above = space.list.upper_bound(from);
    if (above == space.list.begin() || std::prev(above)->second.end <= from) return true;
    from = std::prev(above)->second.end;
  }
  return false;
}

bool Importer::answer(const DeltaRecord& r, std::uint64_t value_if_done) {
  if (r.failed) {
    writer_.answered({*refusal_of_errno(r.result), 0});
  } else {
    writer_.answered({Refusal::kNone, value_if_done});
  }
  counts_.count_imported(r.call);
  return true;
}

const Argument& Importer::argument(const DeltaRecord& r, std::size_t n) const {
  if (n >= r.arguments.size()) r.place.fail(mentioned(r.call, kQuotedBytes) + " has too few arguments");
  return r.arguments[n];
}

std::uint64_t Importer::hex(const DeltaRecord& r, std::size_t n, std::string_view what) const {
  LineCursor at = argument(r, n).place;
  std::uint64_t value = at.hexadecimal(what);
  if (at.peek() != ' ') at.fail(std::string(what) + " is not a hexadecimal number");
  return value;
}

Prot Importer::protection(const DeltaRecord& r, std::size_t n) const {
  LineCursor at = argument(r, n).place;
  Prot prot = read_protection(at);
  if (at.peek() != ' ') at.fail("expected a protection such as rw-");
  return prot;
}

}  // namespace

ImportResult import_vmadelta(std::string_view text, std::string_view file) {
  ImportResult result;
  try {
    std::vector<DeltaRecord> records = read_vmadelta(text);
    if (records.empty()) throw MalformedLog(1, 1, "the log holds no record");
    Importer(result.imported.emplace()).run(records);
  } catch (const MalformedLog& problem) {
    result.imported.reset();
    result.problem = problem.print(file);
  }
  return result;
}

}  // namespace mmtwin::tools
