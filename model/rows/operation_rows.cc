#include "model/rows/operation_rows.h"

#include <variant>

#include "model/contract/block_requests.h"
#include "vocab/operations.h"

namespace mmtwin::model {
namespace {

template <class... Things>
constexpr std::uint16_t set_of(Things... things) {
  return static_cast<std::uint16_t>((0u | ... | (1u << static_cast<unsigned>(things))));
}

constexpr std::uint16_t kOfRanges = set_of(CacheName::kRange, CacheName::kFamilyLink);
constexpr OperationRow kChange{kChangesRanges, 0, kOfRanges};

constexpr OperationRow row(const PagesAlloc&) { return {kTakesBlock, set_of(Role::kBlock), 0}; }
constexpr OperationRow row(const PagesAllocExact&) { return {kTakesBlock | kTakesExact, set_of(Role::kBlock), 0}; }
constexpr OperationRow row(const PagesFree&) { return {kFreesBlock, 0, 0}; }
constexpr OperationRow row(const PagesDrainCpu&) { return {kDrainsList, 0, 0}; }
constexpr OperationRow row(const SlabShrink&) { return {kShrinks, 0, 0}; }
constexpr OperationRow row(const SpaceCreate&) {
  return {kMakesSpace, set_of(Role::kRootTable), set_of(CacheName::kSpace)};
}
constexpr OperationRow row(const SpaceFork&) {
  return {kMakesSpace | kForks, set_of(Role::kRootTable, Role::kTable),
          set_of(CacheName::kSpace, CacheName::kRange, CacheName::kAnonFamily, CacheName::kFamilyLink)};
}
constexpr OperationRow row(const SpaceExit&) { return {kEndsSpace, 0, 0}; }
constexpr OperationRow row(const SpaceAssume&) { return kChange; }
constexpr OperationRow row(const RangeMapAnon&) { return kChange; }
constexpr OperationRow row(const RangeMapFile&) { return kChange; }
constexpr OperationRow row(const RangeUnmap&) { return kChange; }
constexpr OperationRow row(const RangeProtect&) { return {kChangesRanges | kProtects, 0, kOfRanges}; }
constexpr OperationRow row(const RangeBrk&) { return kChange; }
constexpr OperationRow row(const MemoryLoad&) { return {kIsAccess, set_of(Role::kTable), 0}; }
constexpr OperationRow row(const MemoryStore&) {
  return {kIsAccess | kStores, set_of(Role::kTable, Role::kAnon),
          set_of(CacheName::kAnonFamily, CacheName::kFamilyLink)};
}
constexpr OperationRow row(const MemoryFetch&) { return {kIsAccess | kFetches, set_of(Role::kTable), 0}; }
constexpr OperationRow row(const CpuSwitchSpace&) { return {kSwitches, 0, 0}; }
constexpr OperationRow row(const CpuFlushPage&) { return {kFlushesPage | kNeedsLoadedSpace, 0, 0}; }
constexpr OperationRow row(const CpuFlushSpace&) { return {kFlushesSpace | kNeedsLoadedSpace, 0, 0}; }
constexpr OperationRow row(const CpuSpeculate&) { return {kSpeculates | kNeedsLoadedSpace, 0, 0}; }
constexpr OperationRow row(const CpuEvict&) { return {kEvicts | kNeedsLoadedSpace, 0, 0}; }
constexpr OperationRow row(const FailNext&) { return {kOrdersFailure, 0, 0}; }
constexpr OperationRow row(const Resume&) { return {}; }

}  // namespace

OperationRow row_of(const Operation& operation) {
  return std::visit([](const auto& op) { return row(op); }, operation);
}

Operands operands_of(const Operation& operation) {
  Operands named;
  std::visit(
      [&]<class Op>(const Op& op) {
        named.cpu = op.cpu.raw();
        if constexpr (HasSpace<Op>) named.space = op.space.value();
        if constexpr (makes<Op>() != 0) {
          named.makes = makes<Op>();
          named.made = op.result.number();
        }
        if constexpr (requires { op.block; }) named.freed_block = op.block.number();
        if constexpr (HasPlace<Op>) named.at = op.at.value().offset;
        if constexpr (requires { op.length; }) named.length = op.length.raw();
        if constexpr (requires { op.width; }) named.width = op.width.raw();
        if constexpr (requires { op.value.raw(); }) named.value = op.value.raw();
        if constexpr (requires { op.target; }) named.target = op.target.raw();
        if constexpr (requires { op.gfp; }) named.gfp = op.gfp.value();
        if constexpr (requires { op.node; }) named.node = op.node.value();
        if constexpr (requires { order_of(op); }) {
          named.order = order_of(op);
          named.pages = pages_of(op);
        }
        if constexpr (requires { op.n; }) named.count = op.n.raw();
      },
      operation);
  return named;
}

}  // namespace mmtwin::model
