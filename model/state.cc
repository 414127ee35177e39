// The course of one operation through the model: applicable? begin, events, end.
#include "model/state.h"

#include <cstdlib>

#include "model/event_rows.h"
#include "vocab/text.h"

namespace mmtwin::model {

void State::find(Law law, std::string_view field, std::string expected, std::string actual) {
  if (!finding) finding = Finding{law, field, std::move(expected), std::move(actual)};
}
void State::find(Law law, std::string_view field, std::uint64_t expected, std::uint64_t actual) {
  if (!finding) finding = Finding{law, field, std::to_string(expected), std::to_string(actual)};
}

void State::changed(FrameRecord& record, std::uint64_t frame) {
  if (record.changed_in == epoch) return;
  record.changed_in = epoch;
  changes.frames.push_back(Pfn(frame));
}

void State::space_changed(std::uint32_t number) {
  Space& space = spaces[number];
  if (number == kKernel || space.changed_in == epoch || !space.named) return;
  space.changed_in = epoch;
  changes.spaces.push_back(space.handle);
}

// Objects that the state implies: what the slab frames must hold.
std::uint64_t State::live_objects(unsigned cache) const {
  std::uint64_t ranges = 0, links = 0;
  for (const SpaceHandle space : contract.spaces()) {
    ranges += contract.ranges(space).all().size();
    links += contract.ranges(space).links();
  }
  switch (static_cast<CacheName>(cache)) {
    case CacheName::kSpace: return live_spaces;
    case CacheName::kRange: return ranges;
    case CacheName::kAnonFamily: return contract.families().live();
    case CacheName::kFamilyLink: return links;
  }
  return 0;
}

void State::start(const MachineDescription& description, const Claims& what) {
  machine = description;
  claims = what;
  geometry = &geometry_of(machine.geometry);
  nearest_nodes = order_nodes(machine);
  frames.start(machine);
  pages.clear();
  tables.start(*geometry);
  spaces.resize(1);
  spaces[0] = Space{};
  spare_spaces.clear();
  space_of_handle.assign(1, 0);
  contract.start(machine);
  fail_countdown = live_spaces = mapped_pages = linked_tables = live_ranges = contexts = 0;
  objects.fill(0);
  kernel_root = zero_frame = kNoFrame;
  family_lock = kNoLock;
  used_by_role.fill(0);
  slab_frames.fill(0);
  cpus.resize(machine.cpus);
  for (Cpu& cpu : cpus) {
    cpu.asids.fill({});
    cpu.cached.fill(0);
    cpu.tlb.assign(machine.tlb_entries, TlbSlot{});
    for (unsigned level = 1; level < geometry->levels; ++level)
      cpu.walk[level].assign(machine.walk_cache_entries, WalkSlot{});
  }
  finding.reset();
  changes.clear();
  epoch = 0;
  parked.clear();
  gave_up = false;
  now.running = false;
  begin(Operation(FailNext{}), StepNumber(0));
  now.boot = true;
}

void State::booted() {
  if (kernel_root == kNoFrame || zero_frame == kNoFrame)
    find(Law::kPt1, "boot", "takes the kernel root and the zero page", "not both");
  else if (!frames.at(kernel_root).zeroed || !frames.at(zero_frame).zeroed)
    find(Law::kIso2, "boot", "zeroes the kernel root and the zero page", "not both");
  for (Cpu& cpu : cpus) {
    cpu.root_frame = kernel_root;
    cpu.asid = 0;
    cpu.lazy = true;
    cpu.space = kKernel;
  }
  end_of_physical();
  if (!now.held.empty() && !broken()) find(Law::kLock1, "locks held at the end", 0, now.held.size());
  now.running = now.boot = false;
  changes.clear();
}

Skip State::inapplicable(const Operation& operation) const {
  if ((now.running || !parked.empty()) && is_in_use(operation)) return Skip::kTakenHandle;
  const Skip skip = contract.inapplicable(operation);
  if (skip != Skip::kNone) return skip;
  const bool needs_space = std::visit(
      []<class Op>(const Op&) {
        return std::is_same_v<Op, CpuFlushPage> || std::is_same_v<Op, CpuFlushSpace> ||
               std::is_same_v<Op, CpuSpeculate> || std::is_same_v<Op, CpuEvict>;
      },
      operation);
  return needs_space && cpus[cpu_of(operation).raw()].lazy ? Skip::kNoSpace : Skip::kNone;
}

void State::begin(const Operation& operation, StepNumber step) {
  if (now.running) park();
  if (parked.empty()) {
    if (++epoch == 0) std::abort();  // stamps would repeat
    changes.clear();
  }
  now = Now{};
  now.operation = operation;
  now.is_access = std::visit([]<class Op>(const Op&) { return IsAccess<Op>; }, operation);
  now.step = step.raw();
  now.running = true;
  now.overlapped = !parked.empty();
  std::visit(
      [&]<class Op>(Op& op) {
        now.cpu = op.cpu.raw();
        now.may_pause = !op.pause.is_none();
        // While it is in flight, another one may give the handle that it names a new meaning.
        if constexpr (HasPlace<Op>) op.at = Place{AddressHandle(), contract.address(op.at.value())};
        if constexpr (HasSpace<Op>) now.space = space_number(op.space.value());
        if (is_killed(now.space)) return;
        if constexpr (makes<Op>() == 'p') now.child = make_space(op.result.handle());
        if constexpr (IsAccess<Op>) begin_access(op.at.value(), op.width.raw());
        if constexpr (std::is_same_v<Op, PagesFree>) {  // the program has no right to it any more
          now.block = contract.blocks().at(op.block.number());
          (void)contract.commit(operation, {});
        }
      },
      now.operation);
  take_cpu();
}

// Numbers that would lead out of the judge's own tables.
bool State::fits_machine(const Event& e, unsigned traits) {
  if (e.cpu.raw() >= cpus.size()) {
    find(Law::kAnswer, "cpu", "one of the machine", std::to_string(e.cpu.raw()));
    return false;
  }
  if ((traits & kNamesSlot) == 0) return true;
  const Cpu& cpu = cpus[e.cpu.raw()];
  if (e.kind == EventKind::kTlbDropped) {
    if (e.index < cpu.tlb.size()) return true;
    find(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
    return false;
  }
  if (e.level < cpu.walk.size() && e.index < cpu.walk[e.level].size()) return true;
  find(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  return false;
}

void State::space_killed(const Event& e) {
  if (!is_access() || !now.refused || now.killed)
    return find(Law::kOom1, "killed space", "an access that was refused memory", std::string(name_of(now.operation)));
  const std::uint32_t root = spaces[now.space].root;
  if (root == 0 || tables.at(root).frame != e.frame.raw())
    return find(Law::kRollback1, "killed space", "the one that accessed", "root " + std::to_string(e.frame.raw()));
  judge_protected(LockClass::kSpace, 0);
  now.killed = true;
}

void State::on_event(const Event& e) {
  const unsigned traits = kEventTraits[static_cast<unsigned>(e.kind)];
  if (broken() || !fits_machine(e, traits)) return;
  if ((traits & kOfHarness) == 0) {
    if (!may_come_now(e, traits)) return;
    if ((traits & kLoadsSpace) == 0) now.acted = true;
    now.last_event = e.kind;
  }
  switch (e.kind) {
    case EventKind::kFrameTaken: return frame_taken(e);
    case EventKind::kFrameReturned: return frame_returned(e);
    case EventKind::kFrameZeroed: return frame_zeroed(e);
    case EventKind::kFrameCopied: return frame_copied(e);
    case EventKind::kTableStore: return table_store(e);
    case EventKind::kTableMark: return table_mark(e);
    case EventKind::kSpaceLoaded: return space_loaded(e);
    case EventKind::kSpaceUnloaded: return space_unloaded(e);
    case EventKind::kTlbFilled: return tlb_filled(e);
    case EventKind::kTlbUsed: return tlb_used(e);
    case EventKind::kTlbDropped: return tlb_dropped(e);
    case EventKind::kWalkCacheFilled: return walk_cache_filled(e);
    case EventKind::kWalkCacheUsed: return walk_cache_used(e);
    case EventKind::kWalkCacheDropped: return walk_cache_dropped(e);
    case EventKind::kInterrupted: return interrupted(e);
    case EventKind::kLockTaken: return lock_taken(e);
    case EventKind::kLockReleased: return lock_released(e);
    case EventKind::kInterruptSent: return interrupt_sent(e);
    case EventKind::kInterruptAnswered: return interrupt_answered(e);
    case EventKind::kFaulted: return faulted(e);
    case EventKind::kWentOn: return went_on(e);
    case EventKind::kEnded: return ended(e);
    case EventKind::kStuck: return stuck(e);
    case EventKind::kFailureInjected: return failure_injected();
    case EventKind::kPageRequested: return page_requested(e);
    case EventKind::kPageRefused: return page_refused();
    case EventKind::kObjectRefused: return object_refused(e);
    case EventKind::kObjectReturned: return object_returned(e);
    case EventKind::kObjectRequested: return object_requested(e);
    case EventKind::kListFilled: return list_filled(e);
    case EventKind::kListDrained: return list_drained(e);
    case EventKind::kSpaceKilled: return space_killed(e);
    case EventKind::kCommitted: return committed(e);
  }
}

void State::audit_self() const {
  std::uint64_t mapped = 0, links = 0;
  for (std::uint32_t number = 1; number < spaces.size(); ++number) {
    const Space& space = spaces[number];
    if (!space.live || space.root == 0) continue;
    std::uint64_t resident = 0, below = 1;
    const auto number_of = [this](std::uint64_t f) { return table_number(f); };
    tables.for_each_leaf(space.root, 0, geometry->user_end / kPage, number_of,
                         [&](std::uint64_t, std::uint64_t entry, std::uint32_t, std::uint64_t) {
                           if (!maps_zero_page(entry)) ++resident;
                         });
    tables.for_each_table(space.root, 0, geometry->user_end / kPage, number_of, [&](std::uint32_t) { ++below; });
    if (resident != space.resident_anon || below != space.tables) std::abort();
    mapped += resident;
    links += below - 1;
  }
  if (!frames.recount() || links != linked_tables || mapped < mapped_pages) std::abort();
}

}  // namespace mmtwin::model
