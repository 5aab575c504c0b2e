# What quickstart.sh and test.sh need, installed if it is missing. Sourced from the top folder.

say() { printf '%s\n' "$*"; }
die() { printf '\n%s\n' "$*" >&2; exit 1; }

# need_rust: cargo, not older than rust-version in Cargo.toml.
need_rust() {
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    command -v cargo >/dev/null || die "Rust is missing. Install it, then run this again:
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y
    . \"\$HOME/.cargo/env\""
    have=$(cargo --version | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] || die "Rust $have is older than $wanted. Update it, then run this again:
    rustup update stable"
}

# need_packages NAME...: Debian packages, with root or sudo.
need_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null; then
        as_root=sudo
    else
        die "These packages are missing and this user is neither root nor has sudo. As root:
    apt-get install -y$missing"
    fi
    $as_root apt-get update -qq || die "apt-get update failed: is there a network?"
    # shellcheck disable=SC2086 # a list of package names
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends \
        $missing >/dev/null || die "apt-get could not install:$missing"
}

# unpack_packages FOLDER NAME...: Debian packages that would start a service if they were installed:
# unpacked into the folder, unless the user has installed them. Their libraries go to need_packages.
unpack_packages() {
    folder=$1
    shift
    for package in "$@"; do
        if dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            [ -e "$folder/$package.unpacked" ]; then
            continue
        fi
        say "unpacking $package into $folder"
        mkdir -p "$folder"
        download=$(mktemp -d)
        (cd "$download" && apt-get download -qq -o APT::Sandbox::User=root "$package") ||
            die "apt-get could not download $package; as root, try: apt-get update"
        dpkg -x "$download"/*.deb "$folder"
        rm -r "$download"
        touch "$folder/$package.unpacked"
    done
}
