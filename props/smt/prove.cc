#include "props/smt/prove.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "props/smt/theorems_address.h"
#include "props/smt/theorems_buddy.h"
#include "props/smt/theorems_entry.h"
#include "props/smt/theorems_walk.h"

namespace mmtwin::smt {

std::vector<Theorem> all_theorems() {
  std::vector<Theorem> all;
  for (std::vector<Theorem>& family :
       std::vector{buddy_theorems(), watermark_theorems(), address_theorems(), entry_theorems(), walk_theorems()})
    std::move(family.begin(), family.end(), std::back_inserter(all));
  return all;
}

std::vector<TheoremResult> prove_all(const std::vector<Theorem>& theorems, unsigned jobs,
                                     const std::function<void(const TheoremResult&)>& on_result,
                                     const std::function<bool()>& is_cancelled) {
  std::vector<TheoremResult> results(theorems.size());
  std::atomic<std::size_t> next{0};
  std::mutex telling;
  const auto work = [&] {
    for (std::size_t i = next++; i < theorems.size(); i = next++) {
      if (is_cancelled && is_cancelled()) return;
      results[i] = prove(theorems[i], is_cancelled);
      const std::lock_guard lock(telling);
      if (on_result) on_result(results[i]);
    }
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < std::max(jobs, 1U); ++i) others.emplace_back(work);
  work();
  others.clear();  // joins
  return results;
}

}  // namespace mmtwin::smt
