// Scenes: what a system by the book would tell the judge, step by step, and how to alter one of the steps.
//
// Laws: all of model/laws.h, each broken by one alteration of a legal scene. Context: tests of model/model.h. Cost: a
// scene is a vector. It deliberately has no policy: lowest free frame first, one table or page at a time.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/model.h"
#include "model/machine/pages.h"
#include "model/machine/tables.h"
#include "vocab/activities.h"
#include "vocab/operations.h"

namespace mmtwin::model {

struct Booted {};
// An operation by the number of its step, for events that tell operations in flight apart.
struct Numbered {
  Operation operation;
  std::uint64_t step = 0;
};
struct SeenFrame {
  std::uint64_t frame = 0;
  FrameObservation seen;
};
struct SeenRanges {
  unsigned space = 0;
  std::vector<RangeObservation> seen;
};
struct SeenSpace {
  unsigned space = 0;
  SpaceObservation seen;
};
struct SeenZone {
  unsigned node = 0;
  ZoneKind kind = ZoneKind::kNormal;
  ZoneObservation seen;
};
struct SeenEntry {
  unsigned space = 0;
  std::uint64_t page = 0;
  EntryObservation seen;
};
struct SeenBytes {
  std::uint64_t frame = 0;
  PageBytes seen{};
};
struct SeenCache {
  CacheName cache{};
  CacheObservation seen;
};
struct AtRest {};
using Step = std::variant<Booted, Operation, Numbered, Event, Response, SeenFrame, SeenRanges, SeenSpace, SeenZone,
                          SeenEntry, SeenBytes, SeenCache, AtRest>;

struct Scene {
  MachineDescription machine;
  Claims claims;
  std::vector<Step> steps;
};

inline void perform(Model& model, const Step& step) {
  struct Performer {
    Model& model;
    void operator()(const Booted&) { model.booted(); }
    void operator()(const Operation& operation) {
      EXPECT_EQ(model.inapplicable(operation), Skip::kNone) << name_of(operation);
      model.begin(operation);
    }
    void operator()(const Numbered& n) { model.begin(n.operation, StepNumber(n.step)); }
    void operator()(const Event& event) { model.on_event(event); }
    void operator()(const Response& response) { model.end(response); }
    void operator()(const SeenFrame& s) { model.judge_frame(Pfn(s.frame), s.seen); }
    void operator()(const SeenRanges& s) { model.judge_ranges(SpaceHandle(s.space), s.seen); }
    void operator()(const SeenSpace& s) { model.judge_space(SpaceHandle(s.space), s.seen); }
    void operator()(const SeenZone& s) { model.judge_zone(NodeId(s.node), s.kind, s.seen); }
    void operator()(const SeenEntry& s) { model.judge_entry(SpaceHandle(s.space), Vpn(s.page), s.seen); }
    void operator()(const SeenBytes& s) { model.judge_bytes(Pfn(s.frame), s.seen); }
    void operator()(const SeenCache& s) { model.judge_cache(s.cache, s.seen); }
    void operator()(const AtRest&) { model.judge_rest(); }
  };
  std::visit(Performer{model}, step);
}

// The first finding, in words; empty if there is none.
struct Judgement {
  std::optional<Law> law;
  std::string text = "nothing";
};
inline Judgement judged(Model& model, const Scene& scene) {
  model.start(scene.machine, scene.claims);
  for (std::size_t i = 0; i < scene.steps.size(); ++i) {
    perform(model, scene.steps[i]);
    if (!model.finding()) continue;
    const Finding& f = *model.finding();
    std::string text = std::string(id_of(f.law)) + " at step " + std::to_string(i) + ", " + std::string(f.field);
    return {f.law, text + ": expected " + f.expected + ", got " + f.actual};
  }
  model.audit_self();
  return {};
}
inline void expect_legal(const Scene& scene) {
  Model model;
  const Judgement judgement = judged(model, scene);
  EXPECT_FALSE(judgement.law.has_value()) << judgement.text;
}
inline void expect_found(Law law, const Scene& scene) {
  Model model;
  const Judgement judgement = judged(model, scene);
  EXPECT_EQ(judgement.law.has_value() ? id_of(*judgement.law) : "", id_of(law)) << judgement.text;
}

// ---- altering ----
// Where the n-th event of a kind is; from the end if n is negative (-1: the last).
inline std::size_t nth(const Scene& scene, EventKind kind, int n = -1) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < scene.steps.size(); ++i)
    if (const auto* event = std::get_if<Event>(&scene.steps[i]); event != nullptr && event->kind == kind)
      all.push_back(i);
  const int at = n < 0 ? static_cast<int>(all.size()) + n : n;
  if (at >= 0 && at < static_cast<int>(all.size())) return all[static_cast<std::size_t>(at)];
  ADD_FAILURE() << "no such " << name_of(kind) << ": " << n << " of " << all.size();
  return 0;
}
// Where the n-th step of a type is, counted likewise.
template <class S>
std::size_t nth(const Scene& scene, int n = -1) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < scene.steps.size(); ++i)
    if (std::holds_alternative<S>(scene.steps[i])) all.push_back(i);
  const int at = n < 0 ? static_cast<int>(all.size()) + n : n;
  if (at >= 0 && at < static_cast<int>(all.size())) return all[static_cast<std::size_t>(at)];
  ADD_FAILURE() << "no such step: " << n << " of " << all.size();
  return 0;
}
template <class S = Event, class Change>
Scene altered(Scene scene, std::size_t at, Change&& change) {
  change(std::get<S>(scene.steps.at(at)));
  return scene;
}
inline Scene without(Scene scene, std::size_t at) {
  scene.steps.erase(scene.steps.begin() + static_cast<std::ptrdiff_t>(at));
  return scene;
}
inline Scene before(Scene scene, std::size_t at, const std::vector<Step>& inserted) {
  scene.steps.insert(scene.steps.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
  return scene;
}
inline Scene twice(const Scene& scene, std::size_t at) { return before(scene, at, {scene.steps.at(at)}); }
inline Scene swapped(Scene scene, std::size_t a, std::size_t b) {
  std::swap(scene.steps.at(a), scene.steps.at(b));
  return scene;
}

// ---- machines ----
inline MachineDescription machine_of(std::string_view preset, unsigned cpus = 0) {
  MachineDescription machine = find_preset(preset, 1)->machine;
  if (cpus != 0) machine.cpus = static_cast<std::uint8_t>(cpus);
  return machine;
}
// 16 frames of which 2 are kept for high priority: want of memory is near.
inline MachineDescription cramped() {
  MachineDescription machine = machine_of("tiny");
  machine.node[0].zone(ZoneKind::kNormal).count = PageCount(16);
  machine.watermark_min = 2;
  return machine;
}
// Not locks, objects and effects: what tells them says so.
inline constexpr Claims kAllClaims{Claim::kRequests, Claim::kCpuLists,       Claim::kTables,
                                   Claim::kTranslations, Claim::kFrames,     Claim::kRanges,
                                   Claim::kCounters, Claim::kExactAddresses, Claim::kExactZones};
constexpr Claims all_claims_and(std::initializer_list<Claim> more) {
  Claims claims = kAllClaims;
  for (const Claim claim : more) claims.add(claim);
  return claims;
}

inline constexpr Prot kReadWrite = kProtRead | kProtWrite;
inline constexpr std::uint64_t kLink = kBitPresent | kBitWritable | kBitUser;
constexpr std::uint64_t entry_of(std::uint64_t frame, std::uint64_t bits) { return frame * kPage | bits; }
constexpr std::uint64_t bits_of(Prot prot) {
  const std::uint64_t bits = kBitPresent | kBitAccessed | (prot.empty() ? 0 : kBitUser);
  return bits | (prot.any(kProtWrite) ? kBitWritable | kBitDirty : 0) | (prot.any(kProtExec) ? 0 : kBitNoExecute);
}
inline PagesAlloc alloc(unsigned handle, unsigned order, Gfp gfp = kGfpWait, NodeId node = kAnyNode,
                        unsigned cpu = 0) {
  return {CpuId(cpu), Order(order), gfp, node, Fresh<'b'>(handle)};
}
inline PagesAllocExact alloc_exact(unsigned handle, std::uint64_t pages, Gfp gfp = kGfpWait) {
  return {CpuId(0), PageCount(pages), gfp, kAnyNode, Fresh<'b'>(handle)};
}
inline PagesFree free_of(unsigned handle, unsigned cpu = 0) { return {CpuId(cpu), BlockHandle(handle)}; }
inline PagesDrainCpu drain_of(unsigned target, unsigned cpu = 0) { return {CpuId(cpu), CpuId(target)}; }
constexpr Place place(std::uint64_t at) { return {.base = {}, .offset = at}; }

inline Event event_of(EventKind kind, std::uint64_t frame = 0, std::uint64_t place = 0) {
  Event e;
  e.kind = kind;
  e.frame = Pfn(frame);
  e.place = place;
  return e;
}

inline constexpr auto kNormalZone = static_cast<std::uint64_t>(ZoneKind::kNormal);  // of node 0

// Writes a scene. One event a call; what an operation consists of is said by a test, or by Narrator in narrator.h.
class Writer {
 public:
  explicit Writer(const MachineDescription& machine, const Claims& claims = kAllClaims)
      : scene_{machine, claims, {}} {
    for (const NodeDescription& node : machine.node)
      for (const FrameSpan& zone : node.zones)
        for (std::uint64_t i = 0; i < zone.count.raw(); ++i) free_.insert(zone.first.raw() + i);
    lists_.resize(machine.cpus);
  }
  const Scene& scene() const { return scene_; }
  std::size_t size() const { return scene_.steps.size(); }
  void step(const Step& step) { scene_.steps.push_back(step); }

  void begin(const Operation& operation) {
    cpu_ = cpu_of(operation).raw();
    is_access_ = name_of(operation).starts_with("memory_");
    step(operation);
  }
  // ---- operations that overlap ----
  void begin_step(const Operation& operation, std::uint64_t number) {
    hear();
    cpu_ = cpu_of(operation).raw();
    is_access_ = name_of(operation).starts_with("memory_");
    step(Numbered{operation, number});
  }
  void go_on(std::uint64_t number, unsigned cpu) {
    cpu_ = cpu;
    event(EventKind::kWentOn, 0, number);
  }
  void ended(std::uint64_t number, std::uint64_t value = 0) {
    Event e = event_of(EventKind::kEnded, 0, number);
    e.after = value;
    event(e);
  }
  void lock(LockClass lock_class, std::uint64_t instance = 0) { locked(EventKind::kLockTaken, lock_class, instance); }
  void unlock(LockClass lock_class, std::uint64_t instance = 0) {
    locked(EventKind::kLockReleased, lock_class, instance);
  }
  // Where an operation counts; told by those that claim it.
  void committed(Refusal refusal = Refusal::kNone, std::uint64_t value = 0, std::uint64_t stopped_at = 0) {
    if (!scene_.claims.has(Claim::kEffects)) return;
    Event e = event_of(EventKind::kCommitted, 0, stopped_at);
    e.index = static_cast<std::uint16_t>(refusal);
    e.after = value;
    event(e);
  }
  void locked(EventKind kind, LockClass lock_class, std::uint64_t instance) {
    Event e = event_of(kind, 0, instance);
    e.index = static_cast<std::uint16_t>(lock_class);
    event(e);
  }
  // What a map does under the space's lock.
  void map_locked() {
    lock(LockClass::kSpace, 1);
    object(CacheName::kRange);
    lock(LockClass::kSlab, 1);
    unlock(LockClass::kSlab, 1);
    unlock(LockClass::kSpace, 1);
  }

  void end(Refusal refusal = Refusal::kNone, std::uint64_t value = 0) {
    hear();
    step(Response{refusal, value});
  }
  void event(Event e) {
    hear();
    e.cpu = CpuId(cpu_);
    step(e);
  }
  void event(EventKind kind, std::uint64_t frame = 0, std::uint64_t place = 0) { event(event_of(kind, frame, place)); }

  void object(CacheName cache) { event(EventKind::kObjectRequested, 0, static_cast<std::uint64_t>(cache)); }
  void request(Role role, unsigned order = 0, std::uint64_t cache = 0) {
    Event e = event_of(EventKind::kPageRequested, 0, cache);
    e.role = role;
    e.order = Order(order);
    event(e);
  }
  void fill(std::uint64_t frame) {
    Event e = event_of(EventKind::kListFilled, frame);
    e.index = static_cast<std::uint16_t>(cpu_);
    const bool locks = scene_.claims.has(Claim::kLocks);
    if (locks) lock(LockClass::kZone, kNormalZone);
    event(e);
    if (locks) unlock(LockClass::kZone, kNormalZone);
    free_.erase(frame);
    lists_[cpu_].push_back(frame);
  }
  void interrupt(unsigned target, InterruptReason reason = InterruptReason::kDrain, std::uint64_t root = kNoRoot) {
    hear();
    for (const EventKind kind : {EventKind::kInterruptSent, EventKind::kInterrupted}) {
      Event e = interrupt_of(kind, target);
      e.level = static_cast<std::uint8_t>(reason);
      e.frame = Pfn(root);
      event(e);
    }
    interrupted_ = target;
  }
  // The interrupted CPU is done: whatever its sender does next comes after.
  void hear() {
    if (!interrupted_) return;
    const unsigned target = *interrupted_;
    interrupted_.reset();
    event(interrupt_of(EventKind::kInterruptAnswered, target));
  }
  static Event interrupt_of(EventKind kind, unsigned target) {
    Event e = event_of(kind);
    e.index = static_cast<std::uint16_t>(target);
    return e;
  }
  // By its own CPU, which was interrupted if it is another.
  void drain(unsigned cpu, std::uint64_t frame) {
    if (cpu != cpu_ && interrupted_ != cpu) interrupt(cpu);
    Event e = event_of(EventKind::kListDrained, frame);
    e.cpu = CpuId(cpu);
    e.index = static_cast<std::uint16_t>(cpu);
    step(e);
    std::erase(lists_[cpu], frame);
    free_.insert(frame);
  }
  void drain_all() {
    for (unsigned cpu = 0; cpu < lists_.size(); ++cpu)
      for (const std::uint64_t frame : std::vector(lists_[cpu])) drain(cpu, frame);
  }
  void taken(std::uint64_t frame, unsigned order = 0) {
    Event e = event_of(EventKind::kFrameTaken, frame);
    e.order = Order(order);
    event(e);
    std::erase(lists_[cpu_], frame);
    for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) free_.erase(frame + i);
  }
  // A single frame: from the list of the CPU, filled with the lowest free frames if it is empty.
  std::uint64_t take(Role role, std::uint64_t cache = 0) {
    request(role, 0, cache);
    if (lists_[cpu_].empty())
      for (unsigned i = 0; i < scene_.machine.pcp_batch; ++i) fill(*free_.begin());
    const std::uint64_t frame = lists_[cpu_].front();
    taken(frame);
    return frame;
  }
  std::uint64_t take_zeroed(Role role) {
    const std::uint64_t frame = take(role);
    event(EventKind::kFrameZeroed, frame);
    return frame;
  }
  std::uint64_t take_copy(std::uint64_t original) {
    const std::uint64_t copy = take(Role::kAnon);
    event(EventKind::kFrameCopied, copy, original);
    return copy;
  }
  void put(std::uint64_t frame, unsigned order = 0) {
    Event e = event_of(EventKind::kFrameReturned, frame);
    e.order = Order(order);
    event(e);
    if (order == 0) {
      lists_[cpu_].push_back(frame);
      if (lists_[cpu_].size() > scene_.machine.pcp_high)
        for (unsigned i = 0; i < scene_.machine.pcp_batch; ++i) drain(cpu_, lists_[cpu_].front());
    } else {
      for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) free_.insert(frame + i);
    }
  }
  void refuse_page() { event(EventKind::kPageRefused); }
  void refuse_object() { event(EventKind::kObjectRefused); }
  void inject() { event(EventKind::kFailureInjected); }

  // Whole operations: a single frame, a block that the test chose, and their return.
  std::uint64_t single(unsigned handle, unsigned cpu = 0) {
    begin(alloc(handle, 0, kGfpWait, kAnyNode, cpu));
    const std::uint64_t frame = take(Role::kBlock);
    end(Refusal::kNone, frame);
    return frame;
  }
  void block(unsigned handle, unsigned order, std::uint64_t frame, Gfp gfp = kGfpWait) {
    begin(alloc(handle, order, gfp));
    request(Role::kBlock, order);
    taken(frame, order);
    end(Refusal::kNone, frame);
  }
  void free_block(unsigned handle, std::uint64_t frame, unsigned order = 0, unsigned cpu = 0) {
    begin(free_of(handle, cpu));
    put(frame, order);
    end();
  }
  void drain_cpu(unsigned target, unsigned cpu = 0) {
    begin(drain_of(target, cpu));
    if (target != cpu) interrupt(target);
    for (const std::uint64_t frame : std::vector(lists_[target])) drain(target, frame);
    end();
  }
  // The kernel root, then the zero page.
  void boot() {
    kernel_root_ = take_zeroed(Role::kRootTable);
    zero_page_ = take_zeroed(Role::kZeroPage);
    step(Booted{});
  }
  // n-th request from here fails.
  void fail_next(std::uint64_t n) {
    begin(FailNext{CpuId(0), Count(n)});
    end();
  }
  std::uint64_t kernel_root() const { return kernel_root_; }
  std::uint64_t zero_page() const { return zero_page_; }
  const std::vector<std::uint64_t>& list(unsigned cpu) const { return lists_[cpu]; }
  std::uint64_t free_frames() const { return free_.size(); }

 protected:
  Scene scene_;
  unsigned cpu_ = 0;
  bool is_access_ = false;               // the operation being told
  std::optional<unsigned> interrupted_;  // CPU that acts for the operation just now
  std::set<std::uint64_t> free_;
  std::vector<std::vector<std::uint64_t>> lists_;  // by CPU
  std::uint64_t kernel_root_ = 0, zero_page_ = 0;
};

}  // namespace mmtwin::model
