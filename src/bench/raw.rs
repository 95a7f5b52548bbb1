//! gRPC with bytes in and bytes out, nothing decoded: what the load tool, the bare forward and the prepared home
//! region speak, so that none of them measures a decoder. It knows no message and no book.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;

use anyhow::Result;
use bytes::{Buf, BufMut, Bytes};
use identity::server::MtlsListener;
use tonic::client;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::http::{Request as HttpRequest, Response as HttpResponse};
use tonic::codegen::{BoxFuture, Context, Poll, Service};
use tonic::server::{self, NamedService, UnaryService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status, body::Body};

/// How the hub is asked to carry an operation out.
pub const HUB_OPERATE: &str = "/yidi.v1.Hub/Operate";
/// How a home region is asked to.
pub const HOME_OPERATE: &str = "/yidi.v1.HomeRegion/Operate";

/// What a call asks for, as far as anybody here tells calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Carrying out an operation.
    Operate,
    /// What became of an operation.
    Resolve,
    /// Anything else.
    Other,
}

/// Whoever answers calls.
pub trait Handler: Send + Sync + 'static {
    /// Answers one call.
    fn answer(&self, method: Method, message: Bytes) -> impl Future<Output = Result<Bytes, Status>> + Send;
}

/// A handler under the name of the service `N`.
pub struct Served<N, H> {
    handler: Arc<H>,
    name: PhantomData<fn() -> N>,
}

impl<N: NamedService + 'static, H: Handler> Served<N, H> {
    /// A handler to be served beside other services.
    pub fn new(handler: Arc<H>) -> Served<N, H> {
        Served { handler, name: PhantomData }
    }

    /// Serves on a listener until the process ends.
    pub fn serve(handler: H, listener: MtlsListener) {
        let served = Served::<N, H>::new(Arc::new(handler));
        tokio::spawn(identity::server::builder().add_service(served).serve_with_incoming(listener));
    }
}

impl<N, H> Clone for Served<N, H> {
    fn clone(&self) -> Self {
        Served { handler: self.handler.clone(), name: PhantomData }
    }
}

impl<N: NamedService, H> NamedService for Served<N, H> {
    const NAME: &'static str = N::NAME;
}

impl<N, H: Handler> Service<HttpRequest<Body>> for Served<N, H> {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let method = Method::of(request.uri().path());
        let call = Call { handler: self.handler.clone(), method };
        Box::pin(async move { Ok(server::Grpc::new(BytesCodec).unary(call, request).await) })
    }
}

impl Method {
    fn of(path: &str) -> Method {
        match path.rsplit('/').next() {
            Some("Operate") => Method::Operate,
            Some("Resolve") => Method::Resolve,
            Some(_) | None => Method::Other,
        }
    }
}

struct Call<H> {
    handler: Arc<H>,
    method: Method,
}

impl<H: Handler> UnaryService<Bytes> for Call<H> {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (handler, method) = (self.handler.clone(), self.method);
        Box::pin(async move { handler.answer(method, request.into_inner()).await.map(Response::new) })
    }
}

/// One end of a connection, for one method. Clones share the connection.
#[derive(Clone)]
pub struct Caller {
    grpc: client::Grpc<Channel>,
    path: PathAndQuery,
}

impl Caller {
    /// Calls a method over a channel.
    pub fn new(channel: Channel, path: &'static str) -> Caller {
        Caller { grpc: client::Grpc::new(channel), path: PathAndQuery::from_static(path) }
    }

    /// Sends bytes, and gives back what they are answered with.
    ///
    /// # Errors
    /// The status, where there is no answer.
    pub async fn call(&self, message: Bytes) -> Result<Bytes, Status> {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.map_err(|fault| Status::from_error(fault.into()))?;
        Ok(grpc.unary(Request::new(message), self.path.clone(), BytesCodec).await?.into_inner())
    }
}

#[derive(Clone, Copy, Debug)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = BytesCodec;
    type Decoder = BytesCodec;

    fn encoder(&mut self) -> BytesCodec {
        BytesCodec
    }

    fn decoder(&mut self) -> BytesCodec {
        BytesCodec
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
