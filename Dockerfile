# docker build -t secml-regpoison . && docker run --rm secml-regpoison
FROM python:3.11-slim
COPY . /src
RUN pip install --no-cache-dir --no-deps --ignore-requires-python secml==0.15.6 \
 && pip install --no-cache-dir -c /src/constraints.txt /src \
 && useradd --create-home user
USER user
WORKDIR /home/user
CMD ["secml-regpoison", "sec-eval"]
