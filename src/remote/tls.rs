//! Whom to trust, and who we are.

use std::path::PathBuf;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::BuildError;

/// Files of one exporter's connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Certificates to trust, instead of the system's.
    pub(super) trusted: Option<Named>,
    /// Our own certificate, with what leads to a root.
    pub(super) chain: Option<Named>,
    /// The key of our own certificate.
    pub(super) key: Option<Named>,
}

/// A file, and the setting that named it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) key: String,
    pub(super) path: PathBuf,
}

impl Named {
    fn read(&self) -> Result<Vec<u8>, BuildError> {
        std::fs::read(&self.path).map_err(|error| BuildError::new(&self.key, "names a file that cannot be read").because(error))
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, BuildError> {
        let pem = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            Ok(_) => Err(BuildError::new(&self.key, "names a file without a certificate; write it in PEM form")),
            Err(error) => Err(BuildError::new(&self.key, "names a file that is not valid PEM").because(error)),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, BuildError> {
        PrivateKeyDer::from_pem_slice(&self.read()?)
            .map_err(|error| BuildError::new(&self.key, "names a file without a private key in PEM form").because(error))
    }
}

impl Files {
    /// TLS 1.2 and 1.3, always with verification.
    pub(super) fn client_config(&self, endpoint_key: &str) -> Result<ClientConfig, BuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::new(endpoint_key, "needs TLS, which cannot be set up").because(error))?;
        let trusting = match &self.trusted {
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in file.certificates()? {
                    roots
                        .add(certificate)
                        .map_err(|error| BuildError::new(&file.key, "holds a certificate that cannot be used").because(error))?;
                }
                versions.with_root_certificates(roots)
            }
            None => versions.with_native_roots().map_err(|error| {
                let problem = "needs trusted certificates and the system has none; name a file with them";
                BuildError::new(endpoint_key, problem).because(error)
            })?,
        };
        let Some((chain, key)) = self.identity()? else { return Ok(trusting.with_no_client_auth()) };
        let certificates = chain.certificates()?;
        trusting
            .with_client_auth_cert(certificates, key.private_key()?)
            .map_err(|error| BuildError::new(&chain.key, "does not fit its private key").because(error))
    }

    /// The two files that say who we are; one without the other is of no use.
    pub(super) fn identity(&self) -> Result<Option<(&Named, &Named)>, BuildError> {
        match (&self.chain, &self.key) {
            (Some(chain), Some(key)) => Ok(Some((chain, key))),
            (None, None) => Ok(None),
            (Some(chain), None) => Err(BuildError::new(&chain.key, "needs the private key as well")),
            (None, Some(key)) => Err(BuildError::new(&key.key, "needs the certificate as well")),
        }
    }

    /// The files for a client that reads PEM itself: trusted certificates, then chain and key.
    #[cfg(feature = "otlp-grpc")]
    pub(super) fn pem(&self) -> Result<Pem, BuildError> {
        let trusted = self.trusted.as_ref().map(Named::read).transpose()?;
        let identity = match self.identity()? {
            Some((chain, key)) => Some((chain.read()?, key.read()?)),
            None => None,
        };
        Ok(Pem { trusted, identity })
    }
}

/// What the files hold; never printed.
#[cfg(feature = "otlp-grpc")]
pub(super) struct Pem {
    pub(super) trusted: Option<Vec<u8>>,
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}
