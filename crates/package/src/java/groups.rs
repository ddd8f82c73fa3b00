//! Groups of artifacts that are published without Maven's records, because another tool builds them.

/// By the whole name of an artifact, or by how it begins where that ends with a dash.
const GROUPS: [(&str, &str); 119] = [
    ("HikariCP", "com.zaxxer"),
    ("activation", "javax.activation"),
    ("ant", "org.apache.ant"),
    ("ant-", "org.apache.ant"),
    ("antlr", "antlr"),
    ("antlr4-", "org.antlr"),
    ("aopalliance", "aopalliance"),
    ("apiguardian-api", "org.apiguardian"),
    ("asm", "org.ow2.asm"),
    ("asm-", "org.ow2.asm"),
    ("aspectjrt", "org.aspectj"),
    ("aspectjtools", "org.aspectj"),
    ("aspectjweaver", "org.aspectj"),
    ("avalon-framework", "avalon-framework"),
    ("axis", "axis"),
    ("batik-", "org.apache.xmlgraphics"),
    ("bcmail-", "org.bouncycastle"),
    ("bcpg-", "org.bouncycastle"),
    ("bcpkix-", "org.bouncycastle"),
    ("bcprov-", "org.bouncycastle"),
    ("bctls-", "org.bouncycastle"),
    ("bcutil-", "org.bouncycastle"),
    ("bsh", "org.beanshell"),
    ("byte-buddy", "net.bytebuddy"),
    ("byte-buddy-", "net.bytebuddy"),
    ("cglib", "cglib"),
    ("checker-qual", "org.checkerframework"),
    ("commons-beanutils", "commons-beanutils"),
    ("commons-codec", "commons-codec"),
    ("commons-collections", "commons-collections"),
    ("commons-fileupload", "commons-fileupload"),
    ("commons-httpclient", "commons-httpclient"),
    ("commons-io", "commons-io"),
    ("commons-lang", "commons-lang"),
    ("commons-logging", "commons-logging"),
    ("derby", "org.apache.derby"),
    ("dom4j", "org.dom4j"),
    ("ecj", "org.eclipse.jdt"),
    ("ehcache", "org.ehcache"),
    ("elasticsearch", "org.elasticsearch"),
    ("elasticsearch-", "org.elasticsearch"),
    ("fop", "org.apache.xmlgraphics"),
    ("graphql-java", "com.graphql-java"),
    ("groovy", "org.codehaus.groovy"),
    ("groovy-", "org.codehaus.groovy"),
    ("grpc-", "io.grpc"),
    ("h2", "com.h2database"),
    ("hadoop-", "org.apache.hadoop"),
    ("hamcrest", "org.hamcrest"),
    ("hamcrest-", "org.hamcrest"),
    ("hibernate-", "org.hibernate"),
    ("hibernate-commons-annotations", "org.hibernate.common"),
    ("hsqldb", "org.hsqldb"),
    ("icu4j", "com.ibm.icu"),
    ("itextpdf", "com.itextpdf"),
    ("jasper", "org.apache.tomcat"),
    ("javassist", "org.javassist"),
    ("jaxen", "jaxen"),
    ("jdom", "org.jdom"),
    ("jdom2", "org.jdom"),
    ("jetty-jakarta-", "org.eclipse.jetty.toolchain"),
    ("jetty-servlet-", "org.eclipse.jetty.toolchain"),
    ("jna", "net.java.dev.jna"),
    ("jna-platform", "net.java.dev.jna"),
    ("json-path", "com.jayway.jsonpath"),
    ("json-smart", "net.minidev"),
    ("junit", "junit"),
    ("junit-jupiter", "org.junit.jupiter"),
    ("junit-jupiter-", "org.junit.jupiter"),
    ("junit-platform-", "org.junit.platform"),
    ("kafka-", "org.apache.kafka"),
    ("kafka_", "org.apache.kafka"),
    ("kotlin-", "org.jetbrains.kotlin"),
    ("kotlinx-", "org.jetbrains.kotlinx"),
    ("ktor-", "io.ktor"),
    ("lettuce-core", "io.lettuce"),
    ("lombok", "org.projectlombok"),
    ("lucene-", "org.apache.lucene"),
    ("lz4-java", "org.lz4"),
    ("mariadb-java-client", "org.mariadb.jdbc"),
    ("micrometer-", "io.micrometer"),
    ("mockito-", "org.mockito"),
    ("mssql-jdbc", "com.microsoft.sqlserver"),
    ("mysql-connector-j", "com.mysql"),
    ("mysql-connector-java", "mysql"),
    ("nekohtml", "net.sourceforge.nekohtml"),
    ("netty-", "io.netty"),
    ("okhttp", "com.squareup.okhttp3"),
    ("okio", "com.squareup.okio"),
    ("okio-", "com.squareup.okio"),
    ("opensearch", "org.opensearch"),
    ("opensearch-", "org.opensearch"),
    ("oro", "oro"),
    ("poi", "org.apache.poi"),
    ("poi-", "org.apache.poi"),
    ("postgresql", "org.postgresql"),
    ("quartz", "org.quartz-scheduler"),
    ("reactor-", "io.projectreactor"),
    ("reactor-netty-", "io.projectreactor.netty"),
    ("retrofit", "com.squareup.retrofit2"),
    ("rhino", "org.mozilla"),
    ("rxjava", "io.reactivex.rxjava3"),
    ("scala-", "org.scala-lang"),
    ("scala-parser-combinators_", "org.scala-lang.modules"),
    ("scala-xml_", "org.scala-lang.modules"),
    ("serializer", "xalan"),
    ("solr-", "org.apache.solr"),
    ("spring-", "org.springframework"),
    ("spring-batch-", "org.springframework.batch"),
    ("spring-boot", "org.springframework.boot"),
    ("spring-boot-", "org.springframework.boot"),
    ("spring-cloud-", "org.springframework.cloud"),
    ("spring-data-", "org.springframework.data"),
    ("spring-integration-", "org.springframework.integration"),
    ("spring-security-", "org.springframework.security"),
    ("tink", "com.google.crypto.tink"),
    ("tomcat-", "org.apache.tomcat"),
    ("tomcat-embed-", "org.apache.tomcat.embed"),
    ("xercesImpl", "xerces"),
];

/// The longest that fits.
pub(super) fn of(artifact: &str) -> Option<&'static str> {
    let fits = |start: &str| {
        let rest = artifact.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || start.ends_with(['-', '_']))
    };
    let longest = GROUPS.iter().filter(|(start, _)| fits(start)).max_by_key(|(start, _)| start.len());
    longest.map(|(_, group)| *group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts_and_whole_names_are_whole() {
        assert_eq!(of("spring-core"), Some("org.springframework"));
        assert_eq!(of("spring-boot"), Some("org.springframework.boot"));
        assert_eq!(of("spring-boot-starter-web"), Some("org.springframework.boot"));
        assert_eq!(of("tomcat-embed-core"), Some("org.apache.tomcat.embed"));
        assert_eq!(of("asmx"), None);
        assert!(GROUPS.is_sorted());
    }
}
