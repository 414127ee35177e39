#include "impl/mm.h"
#include "version/point.h"

namespace mmtwin::impl {
namespace {

template <class M>
void reset_marks(M& marks) {
  if constexpr (M::kMarks) marks.reset();
}

NodeId known_node(NodeId node, const MachineDescription& machine) {
  return node.raw() < machine.nodes ? node : kAnyNode;
}

}  // namespace

template <class Geometry>
MmOf<Geometry>::MmOf(const MachineDescription& machine, EventSink* sink)
    : hardware_(machine),
      pages_(hardware_),
      slab_(hardware_, pages_, object_sizes<Space, Range, Family, FamilyLink>()),
      mmu_(hardware_),
      loaded_(hardware_, mmu_),
      tables_(hardware_, pages_, loaded_),
      families_(hardware_, slab_),
      spaces_(hardware_, slab_, loaded_, tables_, families_),
      anonymous_(hardware_, pages_),
      faults_(hardware_, spaces_, tables_, families_, anonymous_) {
  hardware_.connect(sink);
  hardware_.begin_operation();
  const CpuId boot_cpu(0);
  kernel_root_ = pages_.allocate(boot_cpu, {.role = Role::kRootTable, .gfp = kGfpWait | kGfpZero}).value();
  zero_page_ = pages_.allocate(boot_cpu, {.role = Role::kZeroPage, .gfp = kGfpWait | kGfpZero}).value();
  mmu_.boot(kernel_root_);
  faults_.boot(zero_page_);
  hardware_.finish_boot();
}

template <class Geometry>
void MmOf<Geometry>::reset() {
  reset_marks(hardware_.marks());
  forget_changed();
}

template <class Geometry>
void MmOf<Geometry>::begin_operation() {
  hardware_.begin_operation();
  forget_changed();
}

template <class Geometry>
Outcome<Done> MmOf<Geometry>::enter(CpuId cpu, SpaceId space) {
  if (spaces_.is_killed(ref(space))) [[unlikely]] return Refusal::kKilled;
  if (!loaded_.load(cpu, tables_of(ref(space)))) return Refusal::kKilled;
  set_changed(1, space);
  return Done{};
}

template <class Geometry>
Outcome<Pfn> MmOf<Geometry>::pages_alloc(CpuId cpu, Order order, Gfp gfp, NodeId node) {
  return pages_.allocate(cpu, {.role = Role::kBlock, .order = order, .gfp = gfp,
                               .node = known_node(node, hardware_.machine())});
}

template <class Geometry>
Outcome<Pfn> MmOf<Geometry>::pages_alloc_exact(CpuId cpu, PageCount pages, Gfp gfp, NodeId node) {
  return pages_.allocate_exact(cpu, pages, {.role = Role::kBlock, .order = Order(0), .gfp = gfp,
                                            .node = known_node(node, hardware_.machine())});
}

template <class Geometry>
Outcome<SpaceId> MmOf<Geometry>::space_create(CpuId cpu, Address heap_start, Address top) {
  if (heap_start.raw() % kPageBytes != 0 || top.raw() % kPageBytes != 0) return Refusal::kInvalid;
  const Outcome<Ref<Space>> made = spaces_.create(cpu, heap_start.raw(), top.raw());
  if (!made) return made.refusal();
  set_changed(1, {(*made).offset});
  return SpaceId{(*made).offset};
}

template <class Geometry>
Outcome<SpaceId> MmOf<Geometry>::space_fork(CpuId cpu, SpaceId space) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered.refusal();
  const Outcome<Ref<Space>> child = spaces_.fork(cpu, ref(space));
  if (!child) return child.refusal();
  set_changed(2, {(*child).offset});
  return SpaceId{(*child).offset};
}

template <class Geometry>
void MmOf<Geometry>::space_exit(CpuId cpu, SpaceId space) {
  (void)enter(cpu, space).is_ok();  // a killed space is loaded nowhere, and exits all the same
  spaces_.exit(cpu, ref(space));
  forget_changed();
}

template <class Geometry>
Outcome<Done> MmOf<Geometry>::space_assume(CpuId cpu, SpaceId space, const MapRequest& request, bool gone) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered;
  return spaces_.assume(cpu, ref(space), request, gone);
}

template <class Geometry>
Outcome<std::uint64_t> MmOf<Geometry>::range_map(CpuId cpu, SpaceId space, const MapRequest& request) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered.refusal();
  return spaces_.map(cpu, ref(space), request);
}

template <class Geometry>
Outcome<Done> MmOf<Geometry>::range_unmap(CpuId cpu, SpaceId space, Address at, ByteCount length) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered;
  return spaces_.unmap(cpu, ref(space), at.raw(), length.raw());
}

template <class Geometry>
Outcome<Done> MmOf<Geometry>::range_protect(CpuId cpu, SpaceId space, Address at, ByteCount length, Prot prot) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered;
  return spaces_.protect(cpu, ref(space), at.raw(), length.raw(), prot);
}

template <class Geometry>
BreakAnswer MmOf<Geometry>::range_brk(CpuId cpu, SpaceId space, Address wanted) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return {entered.refusal(), 0};
  return spaces_.set_break(cpu, ref(space), wanted.raw());
}

// ---- memory ----

template <class Geometry>
void MmOf<Geometry>::transfer(Pfn frame, unsigned offset, unsigned width, Access access, std::uint64_t& value) {
  if (access == Access::kStore)
    hardware_.ram().write(frame, offset, width, value);
  else
    value = hardware_.ram().read(frame, offset, width);
}

template <class Geometry>
bool MmOf<Geometry>::try_access(CpuId cpu, Address at, unsigned width, Access access, std::uint64_t& value,
                                Vpn& missing) {
  const unsigned offset = static_cast<unsigned>(page_offset(at.raw()));
  if (offset + width > kPageBytes) [[unlikely]] return try_straddling(cpu, at, width, access, value, missing);
  const std::optional<Pfn> frame = mmu_.translate(cpu, page_of(at), access);
  if (!frame) {
    missing = page_of(at);
    return false;
  }
  transfer(*frame, offset, width, access, value);
  return true;
}

// Both pages are translated before anything is read or stored.
template <class Geometry>
bool MmOf<Geometry>::try_straddling(CpuId cpu, Address at, unsigned width, Access access, std::uint64_t& value,
                                    Vpn& missing) {
  const unsigned offset = static_cast<unsigned>(page_offset(at.raw()));
  const unsigned below = static_cast<unsigned>(kPageBytes) - offset;
  missing = page_of(at);
  const std::optional<Pfn> first = mmu_.translate(cpu, missing, access);
  if (!first) return false;
  missing = missing + PageCount(1);
  const std::optional<Pfn> second = mmu_.translate(cpu, missing, access);
  if (!second) return false;
  std::uint64_t low = value, high = value >> (8 * below);
  transfer(*first, offset, below, access, low);
  transfer(*second, 0, width - below, access, high);
  value = low | high << (8 * below);
  return true;
}

template <class Geometry>
Outcome<std::uint64_t> MmOf<Geometry>::access(CpuId cpu, SpaceId space, Address at, unsigned width, Access access,
                                              std::uint64_t value) {
  if (const Outcome<Done> entered = enter(cpu, space); !entered) return entered.refusal();
  if (at.raw() >= UserLayout<Geometry>::kEnd || width > UserLayout<Geometry>::kEnd - at.raw())
    return Refusal::kSegvMapErr;
  for (;;) {
    Vpn missing;
    mmu_.enter(cpu);
    const bool done = try_access(cpu, at, width, access, value, missing);
    if (done) [[likely]] hardware_.commit(cpu, Refusal::kNone, access == Access::kStore ? 0 : value);
    mmu_.leave(cpu);
    if (done) [[likely]] return value;
    point(Point::kFault);
    const Outcome<Done> handled = faults_.handle(cpu, ref(space), missing, access);
    if (!handled) return handled.refusal();
  }
}

template <class Geometry>
Outcome<std::uint64_t> MmOf<Geometry>::memory_load(CpuId cpu, SpaceId space, Address at, unsigned width) {
  return access(cpu, space, at, width, Access::kLoad, 0);
}

template <class Geometry>
Outcome<std::uint64_t> MmOf<Geometry>::memory_fetch(CpuId cpu, SpaceId space, Address at, unsigned width) {
  return access(cpu, space, at, width, Access::kFetch, 0);
}

template <class Geometry>
Outcome<Done> MmOf<Geometry>::memory_store(CpuId cpu, SpaceId space, Address at, unsigned width, std::uint64_t value) {
  const Outcome<std::uint64_t> done = access(cpu, space, at, width, Access::kStore, value);
  if (!done) return done.refusal();
  return Done{};
}

// ---- processors ----

template <class Geometry>
Outcome<Done> MmOf<Geometry>::cpu_switch(CpuId cpu, SpaceId space) {
  if (space.offset != 0) {
    const Outcome<Done> entered = enter(cpu, space);
    forget_changed();
    return entered;
  }
  loaded_.unload(cpu);
  return Done{};
}

// A space that is ending is loaded nowhere again: then no user code may run, least of all another space's.
template <class Geometry>
void MmOf<Geometry>::cpu_return(CpuId cpu, SpaceId space) {
  if (!loaded_.load(cpu, tables_of(ref(space)))) loaded_.unload(cpu);
}

template <class Geometry>
void MmOf<Geometry>::cpu_flush_page(CpuId cpu, Address at) {
  mmu_.enter(cpu);
  if (mmu_.runs_user_code(cpu)) mmu_.drop_page(cpu, page_of(at));
  mmu_.leave(cpu);
}

template <class Geometry>
void MmOf<Geometry>::cpu_flush_space(CpuId cpu) {
  mmu_.enter(cpu);
  if (mmu_.runs_user_code(cpu)) mmu_.drop_all(cpu);
  mmu_.leave(cpu);
}

template <class Geometry>
void MmOf<Geometry>::cpu_speculate(CpuId cpu, Address at) {
  mmu_.enter(cpu);
  if (mmu_.runs_user_code(cpu)) mmu_.speculate(cpu, page_of(at));
  mmu_.leave(cpu);
}

template <class Geometry>
void MmOf<Geometry>::cpu_evict(CpuId cpu, Address at) {
  mmu_.enter(cpu);
  if (mmu_.runs_user_code(cpu)) mmu_.evict(cpu, page_of(at));
  mmu_.leave(cpu);
}

template <class Geometry>
const char* MmOf<Geometry>::audit(SpaceId space) {
  Audit audit;
  spaces_.audit(audit, {space.offset});
  return audit.complaint();
}

template <class Geometry>
const char* MmOf<Geometry>::audit_machine() {
  Audit audit;
  pages_.audit_buddy(audit);
  pages_.audit_lists(audit);
  slab_.audit_slab(audit);
  mmu_.audit(audit);
  return audit.complaint();
}

template class MmOf<X86Geometry>;
template class MmOf<SmallGeometry>;

}  // namespace mmtwin::impl
