#include "lockstep/suts/plugin/plugin_host.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

static_assert(MMTWIN_GFP_DMA == kGfpDma.bits() && MMTWIN_GFP_WAIT == kGfpWait.bits() &&
              MMTWIN_GFP_HIGH == kGfpHigh.bits() && MMTWIN_GFP_NOFAIL == kGfpNofail.bits() &&
              MMTWIN_GFP_THISNODE == kGfpThisNode.bits() && MMTWIN_GFP_ZERO == kGfpZero.bits() &&
              MMTWIN_GFP_DMA32 == kGfpDma32.bits() && MMTWIN_GFP_MOVABLE == kGfpMovable.bits());
static_assert(MMTWIN_MAX_ORDER == kMaxOrder && MMTWIN_PAGE_BYTES == kPageBytes);

constexpr std::uint32_t kMostOverhead = 64;               // a sixteenth
constexpr std::uint64_t kMostTaken = std::uint64_t{1} << 16;  // frames of a machine that are all taken at its end

FrameArena* arena_of_process = nullptr;
std::uint8_t* frame_bytes(std::uint64_t frame) { return arena_of_process->bytes(frame); }
constexpr mmtwin_host kHost{sizeof(mmtwin_host), frame_bytes};

template <std::size_t kBytes>
void put_text(std::array<char, kBytes>& into, std::string_view text) {
  const std::size_t length = std::min(text.size(), kBytes - 1);
  std::memcpy(into.data(), text.data(), length);
  into[length] = '\0';
}

std::int32_t node_of(NodeId node) {
  return node == kAnyNode ? MMTWIN_ANY_NODE : static_cast<std::int32_t>(node.raw());
}

template <class Op>
constexpr std::uint64_t bit_of() {
  return std::uint64_t{1} << Operation(Op{}).index();
}

}  // namespace

void PluginHost::load(const std::string& path) {
  PluginFacts& facts = shared_.reply().facts;
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return put_text(facts.problem, ::dlerror());
  using Entry = const mmtwin_plugin* (*)(std::uint32_t);
  const auto entry = reinterpret_cast<Entry>(::dlsym(library, "mmtwin_plugin_table"));
  if (entry == nullptr) return put_text(facts.problem, "it exports no function mmtwin_plugin_table");
  const mmtwin_plugin* const table = entry(MMTWIN_PLUGIN_VERSION);
  if (table == nullptr) return put_text(facts.problem, "it cannot serve a host of version 1");
  constexpr std::size_t kLeast = offsetof(mmtwin_plugin, close);
  if (table->size < kLeast) return put_text(facts.problem, "the size of its table is too small");
  std::memcpy(&plugin_, table, std::min(table->size, sizeof plugin_));
  if (!describe()) return;
  facts.offered = 0;
  if (plugin_.pages_alloc != nullptr) facts.offered |= bit_of<PagesAlloc>();
  if (plugin_.pages_alloc_exact != nullptr) facts.offered |= bit_of<PagesAllocExact>();
  if (plugin_.pages_free != nullptr || plugin_.pages_free_exact != nullptr) facts.offered |= bit_of<PagesFree>();
  if (plugin_.pages_drain != nullptr) facts.offered |= bit_of<PagesDrainCpu>();
}

bool PluginHost::describe() {
  PluginFacts& facts = shared_.reply().facts;
  put_text(facts.name, plugin_.name == nullptr ? "" : plugin_.name);
  facts.overhead_per_1024 = plugin_.overhead_per_1024;
  const bool frees_what_it_gives = (plugin_.pages_alloc == nullptr || plugin_.pages_free != nullptr) &&
                                   (plugin_.pages_alloc_exact == nullptr || plugin_.pages_free_exact != nullptr);
  const bool gives = plugin_.pages_alloc != nullptr || plugin_.pages_alloc_exact != nullptr;
  if (plugin_.version == 0 || plugin_.version > MMTWIN_PLUGIN_VERSION)
    put_text(facts.problem, "it was made for version " + std::to_string(plugin_.version) + ", and this is version 1");
  else if (plugin_.open == nullptr)
    put_text(facts.problem, "its table has no open()");
  else if (!gives || !frees_what_it_gives)
    put_text(facts.problem, "its table needs pages_alloc() and pages_free(), or both for exact numbers of pages");
  else if (plugin_.overhead_per_1024 > kMostOverhead)
    put_text(facts.problem, "it declares an overhead of " + std::to_string(plugin_.overhead_per_1024) +
                                " frames of 1024; at most 64 are allowed");
  return facts.problem[0] == '\0';
}

bool PluginHost::open() {
  const MachineDescription& machine = shared_.question().machine;
  if (!arena_.reset(machine.frame_limit())) return false;
  arena_of_process = &arena_;
  zones_.clear();
  absent_.clear();
  distance_.clear();
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      const FrameSpan& span = machine.node[node].zones[kind];
      if (span.count.raw() != 0) zones_.push_back({node, kind, {span.first.raw(), span.count.raw()}});
    }
    for (unsigned to = 0; to < machine.nodes; ++to) distance_.push_back(machine.distance[node][to]);
  }
  const auto add_absent = [&](const FrameSpan& span) {
    if (span.count.raw() != 0) absent_.push_back({span.first.raw(), span.count.raw()});
  };
  for (const FrameSpan& hole : machine.hole) add_absent(hole);
  for (const FrameSpan& reserved : machine.reserved) add_absent(reserved);
  node_of_cpu_.assign(machine.cpu_node.begin(), machine.cpu_node.begin() + machine.cpus);
  machine_ = {.size = sizeof machine_,
              .cpus = machine.cpus,
              .nodes = machine.nodes,
              .frames = machine.frame_limit(),
              .top_order = machine.top_order,
              .watermark_min = machine.watermark_min,
              .lowmem_ratio = machine.lowmem_ratio,
              .zone_count = static_cast<std::uint32_t>(zones_.size()),
              .zones = zones_.data(),
              .absent = absent_.data(),
              .absent_count = static_cast<std::uint32_t>(absent_.size()),
              .node_of_cpu = node_of_cpu_.data(),
              .distance = distance_.data()};
  self_ = plugin_.open(&kHost, &machine_);
  return self_ != nullptr;
}

void PluginHost::close() {
  held_.clear();
  if (plugin_.close != nullptr) plugin_.close(self_);
  self_ = nullptr;
}

void PluginHost::run() {
  shared_.reply().step.store(0, std::memory_order_relaxed);
  begin_answers();
  learn_capacity();
  const bool is_open = open();
  shared_.reply().refused = is_open ? 0 : SharedProgram::stamp_of(shared_.question().run, 0);
  if (!is_open) return;
  was_overwritten_ = false;
  play(false);
  close();
  if (!was_overwritten_) return;
  // Once more, with a look at everything after each step, to say in which one it happened.
  const std::vector<PluginAnswer> first = answers_;
  shared_.reply().step.store(0, std::memory_order_relaxed);
  begin_answers();
  was_overwritten_ = false;
  if (!open()) return;
  play(true);
  close();
  if (!was_overwritten_) std::copy(first.begin(), first.end(), shared_.answers());
}

void PluginHost::begin_answers() {
  answers_.assign(shared_.question().count + 2, PluginAnswer{});
  std::copy(answers_.begin(), answers_.end(), shared_.answers());
}

// The parent may see the answer. If the one before it is not there as it was, this process wrote over it just now: all
// are put back, and the process has lived.
void PluginHost::publish(std::uint64_t step) {
  answers_[step].stamp = SharedProgram::stamp_of(shared_.question().run, step);
  PluginAnswer* const shown = shared_.answers();
  if (step > 0 && std::memcmp(&shown[step - 1], &answers_[step - 1], sizeof(PluginAnswer)) != 0) {
    std::copy(answers_.begin(), answers_.begin() + static_cast<std::ptrdiff_t>(step), shown);
    shared_.reply().step.store(step);
    ::_exit(kWildWriteStatus);
  }
  shown[step] = answers_[step];
}

// How many frames can be taken of such a machine, all of which are free.
void PluginHost::learn_capacity() {
  const MachineDescription& machine = shared_.question().machine;
  if (measured_ == machine) return;
  measured_ = machine;
  is_counted_ = machine.frame_limit() <= kMostTaken && plugin_.pages_alloc != nullptr && open();
  if (!is_counted_) return;
  PluginAnswer ignored;
  capacity_ = take_all(ignored);
  close();
}

void PluginHost::play(bool looks_always) {
  const std::uint64_t count = shared_.question().count;
  std::atomic<std::uint64_t>& now = shared_.reply().step;
  publish(0);
  for (std::uint64_t step = 1; step <= count; ++step) {
    now.store(step_ = step, std::memory_order_relaxed);
    PluginAnswer& answer = answers_[step];
    std::visit([&](const auto& op) { play(op, answer); }, shared_.operations()[step - 1]);
    if (looks_always) look_at_all(answer);
    was_overwritten_ |= answer.overwritten != PluginAnswer::kNone;
    publish(step);
  }
  now.store(step_ = count + 1, std::memory_order_relaxed);
  PluginAnswer& rest = answers_[count + 1];
  look_at_all(rest);
  was_overwritten_ |= rest.overwritten != PluginAnswer::kNone;
  give_all_back(rest);
  publish(count + 1);
}

void PluginHost::play(const PagesAlloc& op, PluginAnswer& answer) {
  if (op.result.is_none() || held_.contains(op.result.number()) || plugin_.pages_alloc == nullptr) return;
  const std::uint32_t order = op.order.raw();
  const Gfp gfp = op.gfp.value();
  const std::uint64_t frame = plugin_.pages_alloc(self_, op.cpu.raw(), order, gfp.bits(), node_of(op.node.value()));
  give(op.result.number(), {.frame = frame, .pages = std::uint64_t{1} << order, .order = order}, gfp.has(kGfpZero),
       answer);
}

void PluginHost::play(const PagesAllocExact& op, PluginAnswer& answer) {
  if (op.result.is_none() || held_.contains(op.result.number()) || plugin_.pages_alloc_exact == nullptr) return;
  const std::uint64_t pages = op.pages.raw();
  const Gfp gfp = op.gfp.value();
  const std::uint64_t frame =
      plugin_.pages_alloc_exact(self_, op.cpu.raw(), pages, gfp.bits(), node_of(op.node.value()));
  give(op.result.number(), {.frame = frame, .pages = pages, .is_exact = true}, gfp.has(kGfpZero), answer);
}

void PluginHost::play(const PagesFree& op, PluginAnswer& answer) {
  if (held_.contains(op.block.number())) give_back(op.block.number(), op.cpu.raw(), answer);
}

void PluginHost::play(const PagesDrainCpu& op, PluginAnswer&) {
  if (plugin_.pages_drain != nullptr) plugin_.pages_drain(self_, op.cpu.raw(), op.target.raw());
}

void PluginHost::give(unsigned handle, Held held, bool is_zeroed, PluginAnswer& answer) {
  if (held.frame == MMTWIN_REFUSED) {
    answer.is_refused = 1;
    return;
  }
  answer.value = held.frame;
  held.exists = held.frame < arena_.frames() && held.pages <= arena_.frames() - held.frame;
  held.owner = step_;
  if (held.exists) {
    if (const auto frame = is_zeroed ? arena_.find_nonzero(held.frame, held.pages) : std::nullopt)
      answer.not_zeroed = *frame;
    arena_.mark(held.frame, held.pages, held.owner);
  }
  held_[handle] = held;
}

void PluginHost::give_back(unsigned handle, std::uint32_t cpu, PluginAnswer& answer) {
  const Held held = held_.at(handle);
  held_.erase(handle);
  look_at(held, answer);
  if (held.is_exact) plugin_.pages_free_exact(self_, cpu, held.frame, held.pages);
  else plugin_.pages_free(self_, cpu, held.frame, held.order);
}

void PluginHost::look_at(const Held& held, PluginAnswer& answer) const {
  if (!held.exists || answer.overwritten != PluginAnswer::kNone) return;
  if (const auto frame = arena_.find_changed(held.frame, held.pages, held.owner)) answer.overwritten = *frame;
}

void PluginHost::look_at_all(PluginAnswer& answer) const {
  for (const auto& [handle, held] : held_) look_at(held, answer);
}

void PluginHost::give_all_back(PluginAnswer& answer) {
  while (!held_.empty()) give_back(held_.begin()->first, 0, answer);
  for (std::uint32_t cpu = 0; plugin_.pages_drain != nullptr && cpu < machine_.cpus; ++cpu)
    plugin_.pages_drain(self_, 0, cpu);
  if (!is_counted_) return;
  answer.taken = take_all(answer);
  answer.missing = capacity_ - std::min(capacity_, answer.taken);
}

// By frame: may it be handed out at all?
std::vector<bool> PluginHost::frames_to_have() const {
  std::vector<bool> managed(arena_.frames(), false);
  const auto set = [&](const mmtwin_span& span, bool value) {
    for (std::uint64_t i = 0; i < span.count && span.first + i < managed.size(); ++i) managed[span.first + i] = value;
  };
  for (const mmtwin_zone& zone : zones_) set(zone.frames, true);
  for (const mmtwin_span& span : absent_) set(span, false);
  return managed;
}

// Each CPU takes single frames until it is refused one.
std::uint64_t PluginHost::take_all(PluginAnswer& answer) {
  std::vector<bool> is_there = frames_to_have();
  std::uint64_t count = 0;
  for (std::uint32_t cpu = 0; cpu < machine_.cpus; ++cpu) {
    while (answer.given_wrongly == PluginAnswer::kNone) {
      const std::uint64_t frame =
          plugin_.pages_alloc(self_, cpu, 0, MMTWIN_GFP_WAIT | MMTWIN_GFP_MOVABLE, MMTWIN_ANY_NODE);
      if (frame == MMTWIN_REFUSED) break;
      const bool is_wrong = frame >= is_there.size() || !is_there[frame];
      if (is_wrong) answer.given_wrongly = frame;
      else is_there[frame] = false;
      count += is_wrong ? 0 : 1;
    }
  }
  return count;
}

}  // namespace mmtwin::lockstep
