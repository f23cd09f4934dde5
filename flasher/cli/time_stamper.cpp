#include "flasher/cli/time_stamper.h"

#include <filesystem>

#include "imaging/filesystem/run_program.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/source/scratch_folder.h"

namespace flashline::line {
namespace {

constexpr std::size_t max_answer = 1024 * 1024;

/// A folder for the request and the answer, which are gone when it is.
class Exchange {
 public:
  explicit Exchange(imaging::ScratchFolder folder) : folder_{std::move(folder)} {}

  std::string request() const { return folder_.path() / "request.tsq"; }
  std::string answer() const { return folder_.path() / "answer.tsr"; }

  Status write(std::span<const std::byte> bytes) const {
    FL_TRY(imaging::OutputFile file, imaging::OutputFile::create(request()));
    FL_CHECK(file.write(ByteOffset{0}, bytes));
    return file.commit();
  }
  Result<std::vector<std::byte>> read() const {
    FL_TRY(const imaging::FileHandle file, imaging::open_for_reading(answer()));
    return imaging::read_start(file.get(), max_answer);
  }

 private:
  imaging::ScratchFolder folder_;
};

bool is_url(const std::string& where) { return where.starts_with("http://") || where.starts_with("https://"); }

std::vector<std::string> words_for(const std::string& where, const Exchange& exchange) {
  if (is_url(where)) {
    return {"curl",
            "--silent",
            "--show-error",
            "--fail",
            "--location",
            "--max-time",
            "30",
            "--max-filesize",
            std::to_string(max_answer),
            "--header",
            "Content-Type: application/timestamp-query",
            "--data-binary",
            "@" + exchange.request(),
            "--output",
            exchange.answer(),
            where};
  }
  return {"openssl", "ts", "-reply", "-config", where, "-queryfile", exchange.request(), "-out", exchange.answer()};
}

}  // namespace

const std::vector<Option>& time_stamp_option_table() {
  static const std::vector<Option> table{
      {"--time-stamp", "URL", "let this RFC 3161 authority witness the moment; or the configuration of openssl ts"}};
  return table;
}

imaging::TimeStamper time_stamper_of(const Arguments& arguments) {
  const auto where = arguments.value("--time-stamp");
  if (!where) return {};
  return [where = *where](std::span<const std::byte> request) -> Result<std::vector<std::byte>> {
    FL_TRY(imaging::ScratchFolder folder, imaging::ScratchFolder::make(std::filesystem::temp_directory_path()));
    const Exchange exchange{std::move(folder)};
    FL_CHECK(exchange.write(request));
    FL_CHECK(imaging::run_program({.arguments = words_for(where, exchange), .environment = {}}));
    return exchange.read();
  };
}

}  // namespace flashline::line
