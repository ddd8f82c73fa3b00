//! Signing in against a real OpenLDAP server, in a folder of its own on a loopback port.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base::{Actor, Ctx, Secret};
use identity::{Directory, DirectorySettings, Error, GroupRule, Level, Made};

use crate::{World, name, secret};

const READER: &str = "cn=reader,dc=estate,dc=test";

/// `slapd` with some people, stopped at the end.
struct Slapd {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

fn find(program: &str) -> Option<String> {
    let places = [format!("/usr/sbin/{program}"), format!("/usr/bin/{program}"), format!("/usr/libexec/{program}")];
    places.into_iter().find(|path| Path::new(path).exists())
}

impl Slapd {
    /// None, said loudly, where it is not installed.
    fn start() -> Option<Slapd> {
        let (Some(slapd), Some(slapadd)) = (find("slapd"), find("slapadd")) else {
            eprintln!("NOT TESTED: sign-in with a directory; apt-get install slapd ldap-utils to run this test");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        fs::create_dir(folder.path().join("db")).unwrap();
        let modules = ["/usr/lib/ldap", "/usr/lib64/openldap", "/usr/lib/openldap"];
        let modules = modules.into_iter().find(|path| Path::new(path).exists()).unwrap_or("/usr/lib/ldap");
        let schemas = ["/etc/ldap/schema", "/etc/openldap/schema"];
        let schemas = schemas.into_iter().find(|path| Path::new(path).exists()).unwrap();
        // Of the installation's own making: whoever pushes trusts the same kind of authority.
        let authority = identity::Authority::generate("directory.test", base::Clock::System.now()).unwrap();
        let server = authority.server(&["localhost".into(), "127.0.0.1".into()], base::Clock::System.now()).unwrap();
        for (file, content) in [
            ("ca.pem", authority.certificate_pem()),
            ("cert.pem", &server.certificate_pem),
            ("key.pem", &server.private_key_pem),
        ] {
            fs::write(folder.path().join(file), content).unwrap();
        }
        let conf = format!(
            "include {schemas}/core.schema\ninclude {schemas}/cosine.schema\ninclude {schemas}/inetorgperson.schema\n\
             pidfile {place}/pid\nargsfile {place}/args\nmodulepath {modules}\nmoduleload back_mdb\n\
             TLSCACertificateFile {place}/ca.pem\nTLSCertificateFile {place}/cert.pem\nTLSCertificateKeyFile {place}/key.pem\n\
             database mdb\nsuffix dc=estate,dc=test\nrootdn cn=root,dc=estate,dc=test\nrootpw root\ndirectory {place}/db\n\
             access to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact=\"{READER}\" read by * none\n"
        );
        fs::write(folder.path().join("slapd.conf"), conf).unwrap();
        fs::write(folder.path().join("people.ldif"), people()).unwrap();
        let conf = folder.path().join("slapd.conf");
        let mut add = Command::new(slapadd);
        add.arg("-f").arg(&conf).arg("-l").arg(folder.path().join("people.ldif"));
        let added = add.output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(slapd)
            .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"])
            .arg(&conf)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let slapd = Slapd { child, folder, port };
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(slapd);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("slapd does not listen");
    }

    /// Change entries as the directory's own administrator.
    fn modify(&self, ldif: &str) {
        let file = self.folder.path().join("change.ldif");
        fs::write(&file, ldif).unwrap();
        let mut modify = Command::new("ldapmodify");
        modify.args([
            "-x",
            "-H",
            &format!("ldap://127.0.0.1:{}", self.port),
            "-D",
            "cn=root,dc=estate,dc=test",
            "-w",
            "root",
        ]);
        let done = modify.arg("-f").arg(file).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn settings(&self) -> DirectorySettings {
        let member = |group: &str, made: Made| GroupRule { group: group.to_owned(), made };
        DirectorySettings {
            urls: vec![format!("ldap://localhost:{}", self.port)],
            start_tls: true,
            ca_pem: Some(fs::read_to_string(self.folder.path().join("ca.pem")).unwrap()),
            reader_dn: READER.to_owned(),
            reader_password: secret("reads"),
            users_base: "ou=people,dc=estate,dc=test".to_owned(),
            users_filter: "(objectClass=inetOrgPerson)".to_owned(),
            name_attribute: "uid".to_owned(),
            full_name_attribute: "cn".to_owned(),
            id_attribute: "entryUUID".to_owned(),
            group_member_attribute: "member".to_owned(),
            create_accounts: true,
            rules: vec![
                member(
                    "cn=release,ou=groups,dc=estate,dc=test",
                    Made::TeamMember { organization: name("ops"), team: name("release") },
                ),
                member("cn=leads,ou=groups,dc=estate,dc=test", Made::Member { organization: name("ops"), owner: true }),
                member("cn=roots,ou=groups,dc=estate,dc=test", Made::Administrator),
                member("cn=absent,ou=groups,dc=estate,dc=test", Made::Administrator),
            ],
        }
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn people() -> String {
    let mut ldif = String::from(
        "dn: dc=estate,dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: estate\no: estate\n\n\
         dn: ou=people,dc=estate,dc=test\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,dc=estate,dc=test\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: cn=reader,dc=estate,dc=test\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: reads\n\n",
    );
    // A name with what means something in a filter and in a DN.
    for (uid, cn) in [("anna", "Anna (A*) \\, Ops"), ("ben", "Ben"), ("admin", "Another Admin"), ("robot", "Robot")] {
        ldif.push_str(&format!(
            "dn: cn={cn},ou=people,dc=estate,dc=test\nobjectClass: inetOrgPerson\ncn: {}\nsn: {uid}\nuid: {uid}\n\
             userPassword: {uid} of the estate\n\n",
            cn.replace("\\,", ",")
        ));
    }
    for (group, members) in
        [("release", &["Anna (A*) \\, Ops", "Ben"][..]), ("leads", &["Anna (A*) \\, Ops"]), ("roots", &["Ben"])]
    {
        ldif.push_str(&format!("dn: cn={group},ou=groups,dc=estate,dc=test\nobjectClass: groupOfNames\ncn: {group}\n"));
        for member in members {
            ldif.push_str(&format!("member: cn={member},ou=people,dc=estate,dc=test\n"));
        }
        ldif.push('\n');
    }
    ldif
}

async fn world(settings: DirectorySettings) -> World {
    let mut world = World::new().await;
    world.identity = world.identity.clone().with_directory(Directory::new(settings).unwrap());
    world.organization("ops").await;
    world.identity.create_team(&world.system(), &name("ops"), &name("release"), "").await.unwrap();
    world
}

async fn sign_in(world: &World, user: &str, password: &str) -> Result<Ctx, Error> {
    let actor = world.identity.authenticate(&world.system(), user, &Secret::new(password.to_owned())).await?;
    Ok(world.system().with_actor(actor))
}

async fn is_in_team(world: &World, user: &str) -> bool {
    let team = world.identity.team_members(&world.system(), &name("ops"), &name("release")).await.unwrap();
    team.iter().any(|member| member.account.name == name(user))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_the_directory_come_with_what_their_groups_make_them() {
    let Some(slapd) = Slapd::start() else { return };
    let world = world(slapd.settings()).await;
    // A user without a password, made here: it is not the directory's person of that name.
    let new = identity::NewAccount {
        name: name("robot"),
        kind: identity::AccountKind::User,
        full_name: String::new(),
        password: None,
        admin: false,
    };
    world.identity.create_account(&world.system(), new).await.unwrap();
    for (user, password) in [
        ("anna", "wrong"),
        ("anna", ""),
        ("*", "anna of the estate"),
        ("an*", "anna of the estate"),
        ("anna)(uid=ben", "anna of the estate"),
        ("nobody", "nobody of the estate"),
        ("admin", "admin of the estate"),
        ("robot", "robot of the estate"),
    ] {
        let refused = sign_in(&world, user, password).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{user}: {refused:?}");
    }

    let anna = sign_in(&world, "anna", "anna of the estate").await.unwrap();
    let account = world.identity.account(&anna, &name("anna")).await.unwrap();
    assert!(account.imported && !account.admin && account.full_name == "Anna (A*) , Ops", "{account:?}");
    assert!(is_in_team(&world, "anna").await);
    assert_eq!(world.level(&anna, "ops", "shop").await, Some(Level::Admin), "an owner, by the leads");
    assert!(world.identity.set_password(&anna, &name("anna"), secret("one of her own")).await.is_err());
    let ben = sign_in(&world, "ben", "ben of the estate").await.unwrap();
    assert!(Level::is_admin(&mut world.db.read().await.unwrap(), &ben.actor).await.unwrap());
    let session = world.identity.open_session(&world.system(), "ben", &secret("ben of the estate")).await.unwrap();
    let entries =
        "SELECT COUNT(*) AS n FROM audit_entries WHERE kind IN ('account.imported', 'account.synced', 'account.gone')";
    let count = async || world.db.read().await.unwrap().one(entries, &[]).await.unwrap().int("n").unwrap();
    assert_eq!(count().await, 2, "who signs in again changes nothing");

    // Out of the group, out of the directory, and back.
    assert_eq!(world.identity.sync_directory(&world.system()).await.unwrap(), 2);
    assert_eq!(count().await, 2);
    slapd.modify(
        "dn: cn=leads,ou=groups,dc=estate,dc=test\nchangetype: delete\n\n\
         dn: cn=release,ou=groups,dc=estate,dc=test\nchangetype: modify\ndelete: member\n\
         member: cn=Anna (A*) \\, Ops,ou=people,dc=estate,dc=test\n\n\
         dn: cn=Ben,ou=people,dc=estate,dc=test\nchangetype: modrdn\nnewrdn: cn=Benedict\ndeleteoldrdn: 1\n",
    );
    world.identity.sync_directory(&world.system()).await.unwrap();
    assert!(!is_in_team(&world, "anna").await);
    assert_eq!(world.level(&anna, "ops", "shop").await, None);
    assert!(world.identity.members(&anna, &name("ops")).await.unwrap().is_empty());
    assert!(!is_in_team(&world, "ben").await, "the group names the DN of before");
    slapd.modify("dn: cn=Benedict,ou=people,dc=estate,dc=test\nchangetype: delete\n");
    world.identity.sync_directory(&world.system()).await.unwrap();
    assert!(!Level::is_admin(&mut world.db.read().await.unwrap(), &ben.actor).await.unwrap());
    assert!(world.identity.session(&ben, &session).await.is_err());
    assert!(!world.identity.account(&anna, &name("ben")).await.unwrap().active);
    let told = count().await;
    // Gone, and switched off by hand: told once each, not at every look.
    world.identity.set_active(&world.system(), &name("ben"), false).await.unwrap();
    for _ in 0..2 {
        world.identity.sync_directory(&world.system()).await.unwrap();
    }
    assert_eq!(count().await, told);
    crate::robots::guarded(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_is_away_everybody_else_goes_on() {
    let Some(slapd) = Slapd::start() else { return };
    let world = world(slapd.settings()).await;
    let anna = sign_in(&world, "anna", "anna of the estate").await.unwrap();
    let (_, token) =
        world.identity.create_token(&anna, &name("anna"), identity::NewToken::labelled("ci")).await.unwrap();
    // By hand, which no group takes away.
    let system = world.system();
    world.identity.set_active(&system, &name("anna"), false).await.unwrap();
    world.identity.sync_directory(&system).await.unwrap();
    assert!(sign_in(&world, "anna", "anna of the estate").await.is_err(), "an administrator switched her off");
    world.identity.set_active(&system, &name("anna"), true).await.unwrap();
    drop(slapd);
    let refused = sign_in(&world, "anna", "anna of the estate").await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    assert!(matches!(world.identity.sync_directory(&system).await, Err(Error::Unavailable(_))));
    assert!(
        world.identity.account(&system, &name("anna")).await.unwrap().active,
        "nobody answered, so nothing changed"
    );
    assert!(sign_in(&world, "admin", "correct horse").await.is_ok());
    assert!(matches!(world.identity.authenticate(&system, "anna", &token).await, Ok(Actor::Account(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_is_not_asked() {
    let Some(slapd) = Slapd::start() else { return };
    let other = identity::Authority::generate("other.test", base::Clock::System.now()).unwrap();
    let settings = DirectorySettings { ca_pem: Some(other.certificate_pem().to_owned()), ..slapd.settings() };
    let world = world(settings).await;
    assert!(matches!(sign_in(&world, "anna", "anna of the estate").await, Err(Error::Unavailable(_))));
    let clear = |url: &str| DirectorySettings { urls: vec![url.to_owned()], start_tls: false, ..slapd.settings() };
    assert!(Directory::new(clear("ldap://directory.test")).is_err(), "in the clear");
    assert!(Directory::new(clear("http://directory.test")).is_err());
    assert!(Directory::new(DirectorySettings { users_filter: "(uid=".to_owned(), ..slapd.settings() }).is_err());
}
