// LoadJudge: which space a CPU runs, and with what it may still have cached of it.
//
// Laws: CPU-1, TLB-1, TLB-2. Context: one thread. Cost: the slots of one CPU. It deliberately lets nobody run a space
// but operations that name it.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class LoadJudge : public Judge {
 public:
  using Judge::Judge;

  void space_loaded(const Event& e);
  void space_unloaded(const Event& e);

 private:
  bool may_load(const Event& e, const Cpu& cpu, std::uint32_t space);
  bool needs_flush(const Cpu& cpu, std::uint32_t asid) const;
};

}  // namespace mmtwin::model
