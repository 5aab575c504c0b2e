# Builds and installs the module and the command. As a user: make. As root: make install.
#
#   make deb         a Debian package in target/
#   make uninstall   leaves the configuration and the tokens
#
# DESTDIR goes before every path. The module reads its configuration from /etc/keyway only.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
DATADIR ?= $(PREFIX)/share
SYSCONFDIR ?= /etc
# p11-kit looks nowhere else.
P11KITDIR ?= /usr/share/p11-kit/modules
MANDIR ?= $(DATADIR)/man
DOCDIR ?= $(DATADIR)/doc/keyway
BASHDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
INSTALL ?= install
# As cargo names it: release, or dev, which lies in target/debug.
PROFILE ?= release
# For whoever has built more at once and wants that to be enough.
WHAT ?= --package keyway --package keyway-pkcs11

built := target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
made := $(built)/package
module := $(LIBDIR)/pkcs11/libkeyway_pkcs11.so
config := $(DESTDIR)$(SYSCONFDIR)/keyway/keyway.toml

.PHONY: all build install uninstall deb
all: build
	rm -rf $(made)
	mkdir -p $(made)/man $(made)/completions
	$(built)/keyway man $(made)/man
	cp packaging/keyway.toml.5 packaging/libkeyway_pkcs11.8 $(made)/man
	gzip -9n $(made)/man/*
	$(built)/keyway completions bash > $(made)/completions/keyway
	$(built)/keyway completions zsh > $(made)/completions/_keyway
	$(built)/keyway completions fish > $(made)/completions/keyway.fish

build:
	cargo build --profile $(PROFILE) $(WHAT)

install:
	@test -e $(made)/completions/keyway.fish || { echo "Nothing is built: run make first, as yourself." >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkcs11 $(DESTDIR)$(P11KITDIR) $(dir $(config)) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man8 \
	    $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR) $(DESTDIR)$(DOCDIR)
	$(INSTALL) -s -m 755 $(built)/keyway $(DESTDIR)$(BINDIR)/keyway
	$(INSTALL) -s -m 755 $(built)/age-plugin-keyway $(DESTDIR)$(BINDIR)/age-plugin-keyway
	$(INSTALL) -s -m 644 $(built)/libkeyway_pkcs11.so $(DESTDIR)$(module)
	printf 'module: %s\n' $(module) > $(DESTDIR)$(P11KITDIR)/keyway.module
	chmod 644 $(DESTDIR)$(P11KITDIR)/keyway.module
	test -e $(config) || $(INSTALL) -m 644 packaging/keyway.toml $(config)
	for section in 1 5 8; do \
	    $(INSTALL) -m 644 $(made)/man/*.$$section.gz $(DESTDIR)$(MANDIR)/man$$section || exit 1; \
	done
	$(INSTALL) -m 644 $(made)/completions/keyway $(DESTDIR)$(BASHDIR)
	$(INSTALL) -m 644 $(made)/completions/_keyway $(DESTDIR)$(ZSHDIR)
	$(INSTALL) -m 644 $(made)/completions/keyway.fish $(DESTDIR)$(FISHDIR)
	$(INSTALL) -m 644 LICENSE-APACHE LICENSE-MIT $(DESTDIR)$(DOCDIR)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/keyway $(DESTDIR)$(BINDIR)/age-plugin-keyway $(DESTDIR)$(module) $(DESTDIR)$(P11KITDIR)/keyway.module \
	    $(DESTDIR)$(MANDIR)/man1/keyway.1.gz $(DESTDIR)$(MANDIR)/man1/keyway-*.1.gz \
	    $(DESTDIR)$(MANDIR)/man5/keyway.toml.5.gz $(DESTDIR)$(MANDIR)/man8/libkeyway_pkcs11.8.gz \
	    $(DESTDIR)$(BASHDIR)/keyway $(DESTDIR)$(ZSHDIR)/_keyway $(DESTDIR)$(FISHDIR)/keyway.fish
	rm -rf $(DESTDIR)$(DOCDIR)

# Debian keeps its own places for libraries and for zsh.
stage := $(built)/deb
version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
architecture := $(shell dpkg --print-architecture 2>/dev/null)
multiarch := $(shell dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null)
deb: all
	rm -rf $(stage)
	$(MAKE) install DESTDIR=$(abspath $(stage)) PREFIX=/usr LIBDIR=/usr/lib/$(multiarch) \
	    ZSHDIR=/usr/share/zsh/vendor-completions PROFILE=$(PROFILE)
	mkdir -m 755 $(stage)/DEBIAN
	$(INSTALL) -m 755 packaging/deb/postinst $(stage)/DEBIAN/postinst
	echo /etc/keyway/keyway.toml > $(stage)/DEBIAN/conffiles
	printf '%s\n' 'Package: keyway' 'Version: $(version)' 'Architecture: $(architecture)' \
	    'Maintainer: Keyway maintainers <maintainers@localhost>' 'Section: utils' 'Priority: optional' \
	    "Depends: libc6 (>= $$(getconf GNU_LIBC_VERSION | cut -d ' ' -f 2)), libgcc-s1, passwd" \
	    "Installed-Size: $$(du -sk $(stage) | cut -f 1)" \
	    'Description: PKCS#11 token and key management' \
	    ' A PKCS#11 module over encrypted tokens in files, and a command that creates,' \
	    ' uses, rotates and revokes keys on any PKCS#11 token.' > $(stage)/DEBIAN/control
	dpkg-deb --root-owner-group --build $(stage) target/keyway_$(version)_$(architecture).deb
