#include "flasher/board/boot_shelf.h"

#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "transport/rpiboot/pi_chip.h"

namespace flashline::line {
namespace {

using config::BoardFile;

Result<std::shared_ptr<const std::vector<std::byte>>> read_file(const BoardFile& file) {
  std::ifstream in{file.path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in.is_open() || in.bad()) {
    return fail(errc::config_board_file, fmt::format("{}: {} cannot be read", file.where, file.path.string()));
  }
  const auto bytes = std::as_bytes(std::span{text});
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

std::string chip_folder_of(const config::Stage& stage) {
  for (const auto& id : stage.ids) {
    transport::UsbFacts device;
    device.vendor = id.vendor;
    device.product = id.product;
    if (const auto* chip = transport::find_pi_chip(device)) return std::string{chip->folder};
  }
  return {};
}

Result<StageFiles> files_of(const config::Stage& stage) {
  StageFiles files;
  if (const BoardFile* folder = stage.file(BoardFile::Use::folder)) {
    transport::BootSources sources{.folder = folder->path, .chip_folder = chip_folder_of(stage)};
    if (const BoardFile* bundle = stage.file(BoardFile::Use::bundle)) sources.bundle = bundle->path;
    FL_TRY(files.served, transport::load_boot_files(sources));
  }
  for (const auto use : {BoardFile::Use::image, BoardFile::Use::programmer}) {
    const BoardFile* const file = stage.file(use);
    if (file == nullptr) continue;
    FL_TRY(files.image, read_file(*file));
  }
  return files;
}

}  // namespace

Result<std::vector<StageFiles>> load_stage_files(const config::BoardProfile& board) {
  FL_CHECK(config::check_board_files(board));
  std::vector<StageFiles> all;
  for (const auto& stage : board.stages) {
    FL_TRY(auto files, files_of(stage));
    all.push_back(std::move(files));
  }
  return all;
}

}  // namespace flashline::line
