// What `tonic-prost-build` makes of greeter.proto, without the settings that the example does not use. It is here so
// that the example needs neither a build script nor protoc.

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Name {
    #[prost(string, tag = "1")]
    pub(crate) name: ::prost::alloc::string::String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Greeting {
    #[prost(string, tag = "1")]
    pub(crate) text: ::prost::alloc::string::String,
}

pub(crate) mod greeter_client {
    use tonic::codegen::http::uri::PathAndQuery;
    use tonic::codegen::*;

    #[derive(Clone, Debug)]
    pub(crate) struct GreeterClient<T> {
        inner: tonic::client::Grpc<T>,
    }

    impl<T> GreeterClient<T>
    where
        T: tonic::client::GrpcService<tonic::body::Body>,
        T::Error: Into<StdError>,
        T::ResponseBody: Body<Data = Bytes> + Send + 'static,
        <T::ResponseBody as Body>::Error: Into<StdError> + Send,
    {
        pub(crate) fn new(inner: T) -> Self {
            Self { inner: tonic::client::Grpc::new(inner) }
        }

        pub(crate) async fn greet(
            &mut self,
            request: impl tonic::IntoRequest<super::Name>,
        ) -> Result<tonic::Response<super::Greeting>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|error| tonic::Status::unknown(format!("Service was not ready: {}", error.into())))?;
            let mut request = request.into_request();
            request.extensions_mut().insert(GrpcMethod::new("greeter.Greeter", "Greet"));
            let path = PathAndQuery::from_static("/greeter.Greeter/Greet");
            self.inner.unary(request, path, tonic_prost::ProstCodec::default()).await
        }

        pub(crate) async fn greet_often(
            &mut self,
            request: impl tonic::IntoRequest<super::Name>,
        ) -> Result<tonic::Response<tonic::codec::Streaming<super::Greeting>>, tonic::Status> {
            self.inner
                .ready()
                .await
                .map_err(|error| tonic::Status::unknown(format!("Service was not ready: {}", error.into())))?;
            let mut request = request.into_request();
            request.extensions_mut().insert(GrpcMethod::new("greeter.Greeter", "GreetOften"));
            let path = PathAndQuery::from_static("/greeter.Greeter/GreetOften");
            self.inner.server_streaming(request, path, tonic_prost::ProstCodec::default()).await
        }
    }
}

pub(crate) mod greeter_server {
    use tonic::codegen::*;

    #[async_trait]
    pub(crate) trait Greeter: Send + Sync + 'static {
        async fn greet(&self, request: tonic::Request<super::Name>) -> Result<tonic::Response<super::Greeting>, tonic::Status>;

        type GreetOftenStream: tonic::codegen::tokio_stream::Stream<Item = Result<super::Greeting, tonic::Status>>
            + Send
            + 'static;

        async fn greet_often(
            &self,
            request: tonic::Request<super::Name>,
        ) -> Result<tonic::Response<Self::GreetOftenStream>, tonic::Status>;
    }

    #[derive(Debug)]
    pub(crate) struct GreeterServer<T> {
        inner: Arc<T>,
    }

    impl<T> GreeterServer<T> {
        pub(crate) fn new(inner: T) -> Self {
            Self { inner: Arc::new(inner) }
        }
    }

    impl<T, B> tonic::codegen::Service<http::Request<B>> for GreeterServer<T>
    where
        T: Greeter,
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        type Response = http::Response<tonic::body::Body>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<Self::Response, Self::Error>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: http::Request<B>) -> Self::Future {
            match request.uri().path() {
                "/greeter.Greeter/Greet" => {
                    struct GreetSvc<T>(Arc<T>);
                    impl<T: Greeter> tonic::server::UnaryService<super::Name> for GreetSvc<T> {
                        type Response = super::Greeting;
                        type Future = BoxFuture<tonic::Response<Self::Response>, tonic::Status>;

                        fn call(&mut self, request: tonic::Request<super::Name>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            Box::pin(async move { <T as Greeter>::greet(&inner, request).await })
                        }
                    }
                    let method = GreetSvc(Arc::clone(&self.inner));
                    Box::pin(async move {
                        let mut grpc = tonic::server::Grpc::new(tonic_prost::ProstCodec::default());
                        Ok(grpc.unary(method, request).await)
                    })
                }
                "/greeter.Greeter/GreetOften" => {
                    struct GreetOftenSvc<T>(Arc<T>);
                    impl<T: Greeter> tonic::server::ServerStreamingService<super::Name> for GreetOftenSvc<T> {
                        type Response = super::Greeting;
                        type ResponseStream = T::GreetOftenStream;
                        type Future = BoxFuture<tonic::Response<Self::ResponseStream>, tonic::Status>;

                        fn call(&mut self, request: tonic::Request<super::Name>) -> Self::Future {
                            let inner = Arc::clone(&self.0);
                            Box::pin(async move { <T as Greeter>::greet_often(&inner, request).await })
                        }
                    }
                    let method = GreetOftenSvc(Arc::clone(&self.inner));
                    Box::pin(async move {
                        let mut grpc = tonic::server::Grpc::new(tonic_prost::ProstCodec::default());
                        Ok(grpc.server_streaming(method, request).await)
                    })
                }
                _ => Box::pin(async move {
                    let mut response = http::Response::new(tonic::body::Body::default());
                    let headers = response.headers_mut();
                    headers.insert(tonic::Status::GRPC_STATUS, (tonic::Code::Unimplemented as i32).into());
                    headers.insert(http::header::CONTENT_TYPE, tonic::metadata::GRPC_CONTENT_TYPE);
                    Ok(response)
                }),
            }
        }
    }

    impl<T> Clone for GreeterServer<T> {
        fn clone(&self) -> Self {
            Self { inner: Arc::clone(&self.inner) }
        }
    }

    impl<T> tonic::server::NamedService for GreeterServer<T> {
        const NAME: &'static str = "greeter.Greeter";
    }
}
